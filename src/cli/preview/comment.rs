//! A preview as one comment for a pull request, which a bot finds again by its first line and replaces.

use super::against::Comparison;
use super::{Names, markers, verdict, what};
use crate::model::{IndexDescription, Mapping};
use crate::report::{count, plural};
use crate::run::{Preview, PreviewStage};
use crate::text::capital;
use crate::text::markdown::{code, grid, plain, prose};

/// The most characters of a comment: GitHub refuses those of 65,536 and more, and counts otherwise than we do.
const MOST: usize = 60_000;
/// The most characters of what the stages have to say beside the table, so that names have room too.
const MOST_DETAILS: usize = 16_000;

/// Where a comment comes from.
#[derive(Debug, Default)]
pub struct Origin {
    /// The commit that the plan was read from.
    pub commit: Option<String>,
    /// Warnings about the plan, one sentence each.
    pub warnings: Vec<String>,
    /// The command that comes next.
    pub next: String,
}

/// Renders the preview as a comment that is no longer than GitHub takes. What is left out is said at its top.
pub fn comment(
    preview: &Preview,
    against: Option<&Comparison>,
    shown: Names,
    origin: &Origin,
) -> String {
    let head = [
        marker(preview, origin),
        format!("## vecshift plan: {}", plain(&preview.plan)),
        format!("**{}**", plain(&verdict(preview))),
    ];
    let mut before: Vec<String> = irreversible(preview).into_iter().collect();
    before.push(sides(preview));
    before.push(stages(preview));
    before.extend(against.map(compared));
    before.extend(list("Look at this", &notes(preview, origin)));
    before.extend(list("Commands that would run on the machine of the run", &hooks(preview)));
    let mut left_out = Vec::new();
    let details = details(preview, &mut left_out);
    let after = [format!("**Next:** {}", origin.next), footer(preview, origin)];
    let used = [&head[..], &before, details.as_slice(), &after[..]].concat().join("\n\n").len();
    let names = names(preview, against, shown, MOST.saturating_sub(used + 400), &mut left_out);
    let cut = match left_out.is_empty() {
        true => None,
        false => Some(format!(
            "> [!NOTE]\n> This comment is cut: {}. `vecshift plan --names all` shows everything.",
            left_out.join("; ")
        )),
    };
    let blocks = head.into_iter().chain(cut).chain(before).chain(details).chain(names).chain(after);
    let text = blocks.collect::<Vec<_>>().join("\n\n") + "\n";
    match text.len() > MOST {
        true => within(&text),
        false => text,
    }
}

/// The line by which a bot finds the comment of a plan again: everything before `digest=` stays the same.
fn marker(preview: &Preview, origin: &Origin) -> String {
    // A comment of HTML ends at `--`.
    let word = |text: &str| -> String {
        let is_safe = |letter: &char| letter.is_ascii_alphanumeric() || "_.:".contains(*letter);
        let letters = text.chars().map(|letter| if is_safe(&letter) { letter } else { '_' });
        letters.collect()
    };
    format!(
        "<!-- vecshift:plan name={} digest={} sha={} -->",
        word(&preview.plan).replace('_', "-").replace("--", "-"),
        word(&preview.digest),
        origin.commit.as_deref().map_or_else(|| "unknown".to_owned(), word)
    )
}

/// What cannot be undone, above everything else.
fn irreversible(preview: &Preview) -> Option<String> {
    let id = preview.point_of_no_return.as_ref()?;
    let stage = preview.stages.iter().find(|stage| stage.id == *id)?;
    let records = preview.source.records.map(|records| plural(records, "record"));
    let records = records.map(|records| format!("; it holds {records} now")).unwrap_or_default();
    Some(format!(
        "> [!CAUTION]\n> **Cannot be undone:** {} deletes {}{records}. Before it everything can be rolled back.",
        code(stage.id.as_str()),
        plain(&what(stage)),
    ))
}

fn sides(preview: &Preview) -> String {
    let side = |side: &str, index: &str, seen: Option<&IndexDescription>, records: Option<u64>| {
        let Some(seen) = seen else {
            return [side, &code(index), "not present", ""].map(str::to_owned).to_vec();
        };
        let spec = &seen.spec;
        let metric = spec.deployment.knows_metric.then(|| spec.metric.to_string());
        let dimension = spec.dimension.map(|dimension| format!("{dimension} dimensions"));
        let facts: Vec<String> =
            [spec.deployment.title.clone()].into_iter().chain(dimension).chain(metric).collect();
        let records = records.map(count).unwrap_or_default();
        vec![side.to_owned(), code(index), plain(&facts.join(", ")), records]
    };
    let (source, target) = (&preview.source, &preview.target);
    let rows = [
        side("from", &source.index, source.description.as_ref(), source.records),
        side("to", &target.index, target.description.as_ref(), target.records),
    ];
    grid(&["", "index", "what it is", "records"], rows)
}

fn stages(preview: &Preview) -> String {
    let row = |(index, stage): (usize, &PreviewStage)| {
        vec![
            (index + 1).to_string(),
            plain(stage.id.as_str()),
            format!("{} {}", code(&stage.marker.to_string()), plain(&what(stage))),
            plain(&stage.estimate),
            plain(&stage.undo),
        ]
    };
    let header = ["#", "stage", "what would happen", "estimate", "undo"];
    let table = grid(&header, preview.stages.iter().enumerate().map(row));
    let legend: Vec<_> = markers(preview)
        .iter()
        .filter_map(|marker| marker.split_once(' '))
        .map(|(marker, word)| format!("{} {word}", code(marker)))
        .collect();
    format!("{table}\n\n{}", legend.join(" · "))
}

/// What is different from the plan that it is held against.
fn compared(comparison: &Comparison) -> String {
    let title = format!(
        "### Against {} ({})\n\n{}.",
        code(&comparison.against),
        code(&short(&comparison.digest)),
        capital(&plain(&comparison.headline()))
    );
    let mut blocks = vec![title];
    if let Some(why) = &comparison.unseen {
        blocks.push(format!("Only the words of both were compared: {}.", prose(why)));
    }
    let lines = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| format!("- {}", prose(line))).collect()
    };
    for (what, of) in
        [("What would be done:", &comparison.effects), ("The plan's words:", &comparison.plan)]
    {
        if !of.is_empty() {
            blocks.push(format!("{what}\n\n{}", lines(of).join("\n")));
        }
    }
    let names = &comparison.namespaces;
    let counts = [
        (names.new.len(), "new"),
        (names.gone.len(), "no longer copied"),
        (names.renamed.len(), "renamed otherwise"),
    ];
    let said = counts.iter().filter(|(number, _)| *number > 0);
    let said: Vec<_> =
        said.map(|(number, what)| format!("{} {what}", count(*number as u64))).collect();
    if !said.is_empty() {
        blocks.push(format!("Namespaces: {}.", said.join(", ")));
    }
    blocks.join("\n\n")
}

fn notes(preview: &Preview, origin: &Origin) -> Vec<String> {
    let state = (preview.state != "not started").then(|| format!("run so far: {}", preview.state));
    let traffic = preview.traffic.as_ref();
    let traffic =
        traffic.map(|traffic| format!("traffic now: {} ({})", traffic.text, traffic.place));
    let all = origin.warnings.iter().cloned().chain(state).chain(traffic);
    all.chain(preview.notes.iter().cloned()).map(|note| capital(&prose(&note))).collect()
}

fn hooks(preview: &Preview) -> Vec<String> {
    preview.hooks.iter().map(|hook| code(hook)).collect()
}

fn list(title: &str, lines: &[String]) -> Option<String> {
    let lines: Vec<_> = lines.iter().map(|line| format!("- {line}")).collect();
    (!lines.is_empty()).then(|| format!("### {title}\n\n{}", lines.join("\n")))
}

/// What the stages have to say beside the table: the basis of estimates, routes, limits.
fn details(preview: &Preview, left_out: &mut Vec<String>) -> Option<String> {
    let of_stage = |stage: &PreviewStage| {
        let line = |detail: &String| format!("- {}: {}", plain(stage.id.as_str()), prose(detail));
        stage.details.iter().map(line).collect::<Vec<_>>()
    };
    let lines: Vec<String> = preview.stages.iter().flat_map(of_stage).collect();
    if lines.is_empty() {
        return None;
    }
    let (all, mut room) = (lines.len(), MOST_DETAILS);
    let fits = |line: &String| {
        room = room.saturating_sub(line.len() + 1);
        room > 0
    };
    let kept: Vec<String> = lines.into_iter().take_while(fits).collect();
    if kept.len() < all {
        left_out.push(format!("{} of {all} details of stages are shown", kept.len()));
    }
    Some(folded("How each stage goes, and what the estimates stand on", &kept.join("\n")))
}

/// The old and the new name of each namespace: those that are new since the last review first.
fn names(
    preview: &Preview,
    against: Option<&Comparison>,
    shown: Names,
    room: usize,
    left_out: &mut Vec<String>,
) -> Option<String> {
    let all = &preview.namespaces;
    if all.is_empty() {
        return None;
    }
    let renamed = all.iter().filter(|one| one.source != one.target).count();
    let is_told = renamed > 0 || shown == Names::All || against.is_some();
    let title = match renamed {
        0 => format!("{}, none renamed", plural(all.len() as u64, "namespace")),
        some if some == all.len() => {
            format!("{}, all renamed", plural(all.len() as u64, "namespace"))
        }
        some => {
            format!("{}, {} renamed", plural(all.len() as u64, "namespace"), count(some as u64))
        }
    };
    if !is_told {
        return Some(format!("{title}."));
    }
    let mut rows: Vec<(u8, &'static str, &Mapping)> = all.iter().map(|one| (2, "", one)).collect();
    for (rank, since, one) in &mut rows {
        let Some(Comparison { namespaces, .. }) = against else { break };
        if namespaces.new.contains(one) {
            (*rank, *since) = (0, "new");
        } else if namespaces.renamed.iter().any(|other| other.source == one.source) {
            (*rank, *since) = (1, "another name");
        }
    }
    rows.sort_by_key(|(rank, ..)| *rank);
    let row = |(_, since, one): &(u8, &'static str, &Mapping)| {
        let becomes = match one.source == one.target {
            true => "the same".to_owned(),
            false => code(&one.target.to_string()),
        };
        let cells = vec![code(&one.source.to_string()), becomes, count(one.records)];
        let since = against.map(|_| (*since).to_owned());
        cells.into_iter().chain(since).collect::<Vec<_>>()
    };
    let mut header = vec!["namespace", "becomes", "records"];
    header.extend(against.map(|_| "since"));
    let mut used = 0;
    let fits = |cells: &Vec<String>| {
        used += cells.iter().map(|cell| cell.len() + 4).sum::<usize>() + 2;
        used < room
    };
    let kept: Vec<Vec<String>> = rows.iter().map(row).take_while(fits).collect();
    if kept.len() < all.len() {
        left_out.push(format!(
            "{} of {} names of namespaces are shown",
            count(kept.len() as u64),
            count(all.len() as u64)
        ));
    }
    Some(folded(&title, &grid(&header, kept)))
}

fn folded(title: &str, text: &str) -> String {
    format!("<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>")
}

fn footer(preview: &Preview, origin: &Origin) -> String {
    let commit = match &origin.commit {
        Some(commit) => format!("commit {}", code(&commit.chars().take(12).collect::<String>())),
        None => "an unknown commit".to_owned(),
    };
    format!(
        "<sub>Made from {commit} by vecshift {}. Digest {}: a plan of another digest is another plan.</sub>",
        env!("CARGO_PKG_VERSION"),
        code(&short(&preview.digest))
    )
}

fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((kind, sum)) => format!("{kind}:{}", sum.chars().take(12).collect::<String>()),
        None => digest.chars().take(19).collect(),
    }
}

/// Cuts what is too long all the same, at the end of a line.
fn within(text: &str) -> String {
    const END: &str = "\n\n**This comment is cut here: it is longer than GitHub takes.**\n";
    let mut end = MOST - END.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').unwrap_or(end);
    format!("{}{END}", &text[..end])
}
