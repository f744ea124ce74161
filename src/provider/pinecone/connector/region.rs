//! Checks of the place in which the index that `create` makes is to run.
//!
//! Regions are those of Pinecone's guide ("Understanding indexes", table "Cloud regions", docs.pinecone.io, as stored in
//! November 2026), environments those of its Python SDK 8.1.2 (`PodIndexEnvironment`). A region that is not in the table
//! and is named as the cloud names its regions may be new: a warning. Any other name is an error.

use super::mistakes::{BAD_REGION, UNKNOWN_REGION};
use super::spec::{Cloud, Keys};
use crate::plan::{Context, Diagnostic, either, nearest};

const REGIONS: [(Cloud, &[&str]); 3] = [
    (Cloud::Aws, &["us-east-1", "us-west-2", "eu-west-1"]),
    (Cloud::Gcp, &["us-central1", "europe-west4"]),
    (Cloud::Azure, &["eastus2"]),
];

const ENVIRONMENTS: [&str; 12] = [
    "us-west1-gcp",
    "us-central1-gcp",
    "us-west4-gcp",
    "us-east4-gcp",
    "northamerica-northeast1-gcp",
    "asia-northeast1-gcp",
    "asia-southeast1-gcp",
    "us-east1-gcp",
    "eu-west1-gcp",
    "eu-west4-gcp",
    "us-east-1-aws",
    "eastus-azure",
];

const SOURCE: &str = "docs.pinecone.io, November 2026";

pub(super) fn check(context: &mut Context<'_>, spec: &str, create: &Keys) {
    if let Some(serverless) = &create.serverless {
        let pointer = format!("{spec}/serverless");
        if !context.is_tainted(&format!("{pointer}/cloud")) {
            region(context, &format!("{pointer}/region"), serverless.cloud, &serverless.region);
        }
    }
    if let Some(pod) = &create.pod {
        environment(context, &format!("{spec}/pod/environment"), &pod.environment);
    }
}

fn region(context: &mut Context<'_>, at: &str, cloud: Cloud, name: &str) {
    let known = of(cloud);
    if known.contains(&name) {
        return;
    }
    let list = || format!("{} has {} ({SOURCE})", cloud.name(), either(known.iter().copied()));
    let other =
        REGIONS.iter().find(|(_, regions)| regions.contains(&name)).map(|(other, _)| *other);
    let near = nearest(name, known.iter().copied());
    let with_near = |d: Diagnostic| d.suggest(near).note(list());
    if let Some(other) = other {
        let message = format!("`{name}` is a region of {}, not of {}", other.name(), cloud.name());
        let help = format!("write `cloud: {}`, or a region of {}", other.name(), cloud.name());
        context.report_with(&BAD_REGION, at, message, |d| with_near(d).help(help));
    } else if is_named_like_one(cloud, name) {
        let message = format!("`{name}` is not a region that Pinecone was known to serve");
        context.report_with(&UNKNOWN_REGION, at, message, with_near);
    } else {
        let message = format!("{} has no region `{name}`", cloud.name());
        context.report_with(&BAD_REGION, at, message, with_near);
    }
}

fn environment(context: &mut Context<'_>, at: &str, name: &str) {
    if ENVIRONMENTS.contains(&name) {
        return;
    }
    let near = nearest(name, ENVIRONMENTS);
    let clouds = [("aws", Cloud::Aws), ("gcp", Cloud::Gcp), ("azure", Cloud::Azure)];
    let is_like_one = name.rsplit_once('-').is_some_and(|(region, cloud)| {
        clouds.iter().any(|(word, known)| *word == cloud && is_named_like_one(*known, region))
    });
    let message = match is_like_one {
        true => format!("`{name}` is not an environment that Pinecone was known to have pods in"),
        false => format!("there is no environment `{name}`"),
    };
    let code = if is_like_one { &UNKNOWN_REGION } else { &BAD_REGION };
    context.report_with(code, at, message, |d| {
        d.suggest(near)
            .note("an environment is a region and its cloud, for example `us-east-1-aws`")
    });
}

fn of(cloud: Cloud) -> &'static [&'static str] {
    REGIONS.iter().find(|(one, _)| *one == cloud).map_or(&[], |(_, regions)| regions)
}

/// Returns whether the cloud could have a region of this name.
fn is_named_like_one(cloud: Cloud, name: &str) -> bool {
    const AWS: [&str; 10] = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "us-gov"];
    const GCP: [&str; 9] =
        ["us", "eu", "europe", "asia", "australia", "northamerica", "southamerica", "me", "africa"];
    match cloud {
        Cloud::Aws => is_direction_of(name, &AWS, "-", 1),
        Cloud::Gcp => is_direction_of(name, &GCP, "", 2),
        // Azure puts direction and country in any order: `eastus2`, `westeurope`, `southindia`, `switzerlandnorth`.
        Cloud::Azure => {
            let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
            name.len() - word.len() <= 1
                && word.chars().all(|c| c.is_ascii_lowercase())
                && DIRECTIONS.iter().any(|one| word.contains(one))
                && AZURE.iter().any(|country| word.contains(country))
        }
    }
}

/// Returns whether the name is an area, a direction and a number: `us-east-1`, `europe-west4`.
fn is_direction_of(name: &str, areas: &[&str], separator: &str, most_digits: usize) -> bool {
    let is_number = |digits: &str| {
        digits.len() <= most_digits
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.is_empty()
    };
    let directions = |rest: &str| {
        let after = |one: &&str| rest.strip_prefix(*one)?.strip_prefix(separator).map(is_number);
        DIRECTIONS.iter().filter_map(after).any(|is| is)
    };
    areas.iter().filter_map(|area| name.strip_prefix(area)?.strip_prefix('-')).any(directions)
}

const DIRECTIONS: [&str; 9] = [
    "north",
    "south",
    "east",
    "west",
    "central",
    "northeast",
    "southeast",
    "northwest",
    "southwest",
];

const AZURE: [&str; 26] = [
    "us",
    "europe",
    "asia",
    "uk",
    "india",
    "japan",
    "korea",
    "australia",
    "brazil",
    "canada",
    "france",
    "germany",
    "italy",
    "norway",
    "poland",
    "spain",
    "sweden",
    "switzerland",
    "israel",
    "qatar",
    "uae",
    "africa",
    "mexico",
    "newzealand",
    "malaysia",
    "indonesia",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_named_like_a_region() {
        for (cloud, regions) in REGIONS {
            assert!(regions.iter().all(|name| is_named_like_one(cloud, name)), "{regions:?}");
        }
        for (cloud, name) in [
            (Cloud::Aws, "ap-southeast-1"),
            (Cloud::Aws, "us-gov-west-1"),
            (Cloud::Gcp, "europe-west10"),
            (Cloud::Gcp, "northamerica-northeast1"),
            (Cloud::Azure, "switzerlandnorth"),
            (Cloud::Azure, "westus3"),
        ] {
            assert!(is_named_like_one(cloud, name), "{name}");
        }
    }

    #[test]
    fn what_no_cloud_would_call_a_region_is_not() {
        for (cloud, name) in [
            (Cloud::Aws, "us-east1"),
            (Cloud::Aws, "us-eest-1"),
            (Cloud::Aws, "us-east-11"),
            (Cloud::Aws, "mars-north-1"),
            (Cloud::Aws, "us-east-1a"),
            (Cloud::Aws, "us-east-0"),
            (Cloud::Aws, ""),
            (Cloud::Gcp, "us-central-1"),
            (Cloud::Gcp, "us-central"),
            (Cloud::Azure, "us-east-2"),
            (Cloud::Azure, "eastmars"),
        ] {
            assert!(!is_named_like_one(cloud, name), "{name}");
        }
    }
}
