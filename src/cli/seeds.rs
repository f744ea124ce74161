//! Indexes that a command line describes, and the files that fill them.

use std::path::PathBuf;
use std::str::FromStr;

use super::failure::Failure;
use crate::emulator::World;
use crate::model::Metric;

/// An index as `NAME=DIMENSION:METRIC`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedIndex {
    name: String,
    dimension: u32,
    metric: Metric,
}

impl FromStr for AskedIndex {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, shape)| {
            let (dimension, metric) = shape.split_once(':')?;
            Some((name, dimension, metric))
        });
        let (name, dimension, metric) =
            parts.ok_or("write it as NAME=DIMENSION:METRIC, as in articles=1536:cosine")?;
        let dimension = dimension
            .parse()
            .map_err(|_| format!("the dimension `{dimension}` of {name} is not a whole number"))?;
        let metric = read_metric(metric).ok_or_else(|| {
            format!(
                "there is no metric `{metric}`: {name} can have cosine, dotproduct or euclidean"
            )
        })?;
        Ok(Self { name: name.to_owned(), dimension, metric })
    }
}

fn read_metric(word: &str) -> Option<Metric> {
    let all = [Metric::Cosine, Metric::Dotproduct, Metric::Euclidean];
    all.into_iter().find(|metric| metric.name() == word)
}

/// Makes the worlds of the indexes, each with the files that go to it: those that name it (`NAME=FILE`), and all that name
/// none if it is the only one.
pub fn worlds(indexes: &[AskedIndex], seeds: &[String]) -> Result<Vec<World>, Failure> {
    let twice = indexes
        .iter()
        .enumerate()
        .find(|(at, index)| indexes[..*at].iter().any(|before| before.name == index.name));
    if let Some((_, index)) = twice {
        return Err(Failure::Usage(format!("two --index are named `{}`", index.name)));
    }
    let mut files = vec![Vec::new(); indexes.len()];
    for seed in seeds {
        let (at, file) = index_of(seed, indexes)?;
        files[at].push(file);
    }
    let build = |(index, files): (&AskedIndex, Vec<PathBuf>)| {
        Ok(World::of_files(&index.name, index.dimension, index.metric, &files)?)
    };
    indexes.iter().zip(files).map(build).collect()
}

/// Returns the place of the index that a seed goes to, and its file.
fn index_of(seed: &str, indexes: &[AskedIndex]) -> Result<(usize, PathBuf), Failure> {
    let names = || {
        let names: Vec<_> = indexes.iter().map(|index| index.name.as_str()).collect();
        names.join(", ")
    };
    // What could not be the name of an index is a part of the file's.
    let is_name = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let named = seed.split_once('=').filter(|(name, _)| is_name(name));
    let wrong = match (named, indexes) {
        (_, []) => "there is no index: add --index NAME=DIMENSION:METRIC".to_owned(),
        (Some((name, file)), _) => match indexes.iter().position(|index| index.name == name) {
            Some(at) => return Ok((at, file.into())),
            None => format!("no --index is named `{name}`: there is {}", names()),
        },
        (None, [_]) => return Ok((0, seed.into())),
        (None, _) => {
            format!("say which index it goes to, --seed NAME={seed}, with one of {}", names())
        }
    };
    Err(Failure::Usage(format!("--seed {seed}: {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(texts: &[&str]) -> Vec<AskedIndex> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn an_index_is_a_name_a_dimension_and_a_metric() {
        let [index] = <[_; 1]>::try_from(indexes(&["a-1=8:euclidean"])).unwrap();
        assert_eq!((index.name.as_str(), index.dimension), ("a-1", 8));
        assert_eq!(index.metric, Metric::Euclidean);
        for (wrong, part) in [
            ("a", "NAME=DIMENSION:METRIC"),
            ("a=8", "NAME=DIMENSION:METRIC"),
            ("a=eight:cosine", "`eight`"),
            ("a=-1:cosine", "`-1`"),
            ("a=8:cosinus", "`cosinus`"),
        ] {
            let said = wrong.parse::<AskedIndex>().unwrap_err();
            assert!(said.contains(part), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_seed_goes_to_the_index_it_names_or_to_the_only_one() {
        let (one, two) = (indexes(&["a=2:cosine"]), indexes(&["a=2:cosine", "b=2:cosine"]));
        let of = |seed, indexes: &[_]| match index_of(seed, indexes) {
            Ok((at, file)) => format!("{at} {}", file.display()),
            Err(failure) => failure.text(false),
        };
        assert_eq!(of("x.parquet", &one), "0 x.parquet");
        assert_eq!(of("b=x.parquet", &two), "1 x.parquet");
        assert_eq!(of("./b=x.parquet", &one), "0 ./b=x.parquet");
        assert_eq!(of("b=c=x.parquet", &two), "1 c=x.parquet");
        for (seed, indexes, part) in [
            ("x.parquet", &[][..], "there is no index"),
            ("x.parquet", &two, "--seed NAME=x.parquet, with one of a, b"),
            ("c=x.parquet", &two, "no --index is named `c`: there is a, b"),
            ("B=x.parquet", &one, "no --index is named `B`"),
        ] {
            let said = of(seed, indexes);
            assert!(said.contains(part), "{seed}: {said}");
        }
    }
}
