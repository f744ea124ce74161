//! The filters, tests and methods that a template calls, which minijinja looks up only when it reaches them.

use minijinja::machinery::{Instruction, Instructions, get_compiled_template};

use super::super::diagnostic::nearest;
use super::ENVIRONMENT;

/// Something that a template calls and that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unknown {
    pub name: String,
    /// Sort of the thing: `filter`, `test` or `method`.
    pub what: &'static str,
    /// The thing that was probably meant, as it is written in a template.
    pub near: Option<String>,
}

/// Finds what the template calls that does not exist, each once.
///
/// # Errors
/// minijinja's, if the text is not a template.
pub(crate) fn unknown(text: &str) -> Result<Vec<Unknown>, minijinja::Error> {
    let template = ENVIRONMENT.template_from_str(text)?;
    let compiled = get_compiled_template(&template);
    let mut found: Vec<Unknown> =
        all(&compiled.instructions).chain(compiled.blocks.values().flat_map(all)).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn all<'a>(instructions: &'a Instructions<'_>) -> impl Iterator<Item = Unknown> + 'a {
    (0..).map_while(|index| instructions.get(index)).filter_map(unknown_of)
}

fn unknown_of(instruction: &Instruction<'_>) -> Option<Unknown> {
    let (name, what, near) = match instruction {
        Instruction::ApplyFilter(name, ..) if !is_known(name, "filter") => {
            (name, "filter", near(name, FILTERS))
        }
        Instruction::PerformTest(name, ..) if !is_known(name, "test") => {
            (name, "test", near(name, TESTS))
        }
        Instruction::CallMethod(name, ..) if !LOOP.contains(name) => (name, "method", method(name)),
        _ => return None,
    };
    Some(Unknown { name: (*name).to_owned(), what, near })
}

/// Returns whether there is a filter or test of this name.
fn is_known(name: &str, what: &str) -> bool {
    let asked = ENVIRONMENT.compile_expression(match what {
        "filter" => "name is filter",
        _ => "name is test",
    });
    asked.and_then(|asked| asked.eval(minijinja::context! { name })).is_ok_and(|is| is.is_true())
}

fn near(name: &str, all: &[&str]) -> Option<String> {
    let other = SYNONYMS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    other
        .filter(|ours| all.contains(ours))
        .or_else(|| nearest(name, all.iter().copied()))
        .map(str::to_owned)
}

/// Returns the filter or test that does what this method of Python's does.
fn method(name: &str) -> Option<String> {
    let test = match name {
        "startswith" => Some("is startingwith(…)"),
        "endswith" => Some("is endingwith(…)"),
        "isupper" => Some("is upper"),
        "islower" => Some("is lower"),
        "get" => Some("| default(…)"),
        _ => None,
    };
    test.map(str::to_owned).or_else(|| near(name, FILTERS).map(|filter| format!("| {filter}")))
}

/// The methods of the `loop` of a `for`.
const LOOP: [&str; 2] = ["cycle", "changed"];

/// Filters that are of use in a plan.
pub(crate) const FILTERS: &[&str] = &[
    "abs",
    "batch",
    "bool",
    "capitalize",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "replace",
    "reverse",
    "round",
    "select",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// Tests that are of use in a plan.
pub(crate) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// Names of other template languages and of Python, with the names here.
const SYNONYMS: &[(&str, &str)] = &[
    ("downcase", "lower"),
    ("lowercase", "lower"),
    ("tolower", "lower"),
    ("lcase", "lower"),
    ("upcase", "upper"),
    ("uppercase", "upper"),
    ("toupper", "upper"),
    ("strip", "trim"),
    ("len", "length"),
    ("size", "length"),
    ("str", "string"),
    ("to_json", "tojson"),
    ("json", "tojson"),
    ("startswith", "startingwith"),
    ("endswith", "endingwith"),
    ("empty", "none"),
    ("null", "none"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_suggested_exists() {
        assert!(FILTERS.iter().all(|name| is_known(name, "filter")));
        assert!(TESTS.iter().all(|name| is_known(name, "test")));
        let ours = |name: &&str| FILTERS.contains(name) || TESTS.contains(name);
        assert!(SYNONYMS.iter().all(|(theirs, name)| ours(name) && !ours(theirs)));
    }

    #[test]
    fn what_is_called_in_a_branch_that_is_not_taken_is_found_too() {
        let names = |text: &str| -> Vec<String> {
            let all = unknown(text).unwrap();
            all.into_iter().map(|one| format!("{} {}", one.what, one.name)).collect()
        };
        assert_eq!(names("{% if false %}{{ n | shout }}{% endif %}"), ["filter shout"]);
        assert_eq!(names("{{ n | shout }}{{ n | shout }}"), ["filter shout"]);
        assert_eq!(names("{{ 1 if n is weird }}"), ["test weird"]);
        assert_eq!(names("{{ n.upper() }}"), ["method upper"]);
        assert_eq!(names("{% for x in [1] %}{{ loop.cycle(1, 2) }}{% endfor %}"), [""; 0]);
        assert_eq!(names("{{ n | upper | replace('| shout', '') }}"), [""; 0]);
    }
}
