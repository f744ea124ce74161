//! Renders the findings as text of 80 columns: the artifact `audit.txt`.

use super::findings::Findings;
use super::hot::QueryLog;
use crate::model::{Observed, plural};
use crate::provider::advice::{Candidate, Operation, Origin};
use crate::run::sample::FieldSummary;
use crate::store::Inventory;
use crate::text::shortened;

const WIDTH: usize = 80;

pub(super) fn text(findings: &Findings) -> String {
    let mut blocks = vec![index(findings), records(findings), fields(findings)];
    if !findings.rejects.is_empty() {
        blocks.push(rejects(findings));
    }
    blocks.extend(findings.inventory.as_ref().map(inventory));
    blocks.extend(of_target(&findings.target_inventory));
    if let Some(first) = findings.operations.first() {
        blocks.push(operations(findings, first));
    }
    if !findings.limits.is_empty() {
        blocks.push(limits(findings));
    }
    blocks.push(candidates(&findings.candidates));
    blocks.push(cost(findings));
    blocks.extend(findings.query_log.as_ref().map(hottest));
    blocks.join("\n\n") + "\n"
}

fn number(value: impl TryInto<u64>) -> String {
    Observed::count(value.try_into().unwrap_or(u64::MAX)).to_string()
}

fn bytes(value: f64) -> String {
    Observed::Bytes(value.round()).to_string()
}

fn index(findings: &Findings) -> String {
    let spec = &findings.index.spec;
    let dimension = match spec.dimension {
        Some(dimension) => format!("{} dimensions", number(dimension)),
        None => "sparse only".to_owned(),
    };
    let mut lines = vec![
        format!("Index {}", spec.name),
        format!("  {}, {dimension}, {}", spec.deployment, spec.metric),
        format!(
            "  {} in {}; the plan selects {} in {}",
            plural(findings.records, "record"),
            plural(findings.namespaces as u64, "namespace"),
            number(findings.selected_records),
            number(findings.selected_namespaces as u64)
        ),
    ];
    lines.extend(findings.details.iter().map(|line| format!("  {line}")));
    lines.push("  largest namespaces".to_owned());
    for mapping in &findings.largest_namespaces {
        let name = match mapping.source == mapping.target {
            true => mapping.source.to_string(),
            false => format!("{} -> {}", mapping.source, mapping.target),
        };
        lines.push(format!(
            "    {:>14}  {}",
            number(mapping.records),
            shortened(&name, WIDTH - 20)
        ));
    }
    lines.iter().map(|line| wrap(line, 4)).collect::<Vec<_>>().join("\n")
}

fn records(findings: &Findings) -> String {
    let ids = &findings.ids;
    let mut lines = vec![
        format!("Records (a sample of {})", number(findings.sampled as u64)),
        format!("  {} each on average", bytes(findings.mean_record_bytes)),
        format!(
            "  ids of the kind {}; the longest has {} characters, {} have spaces, slashes, percent or control characters",
            ids.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" and "),
            ids.longest,
            ids.unusual
        ),
        format!(
            "  {} with sparse values, at most {}",
            number(findings.sparse.records),
            number(findings.sparse.most_values as u64)
        ),
        "  largest".to_owned(),
    ];
    for record in &findings.largest_records {
        let id = format!("{} in {}", record.id.shown(), record.namespace);
        lines.push(format!(
            "    {:>9}, metadata {:>9}  {}",
            bytes(record.bytes as f64),
            bytes(record.metadata_bytes as f64),
            shortened(&id, WIDTH - 36)
        ));
    }
    lines.iter().map(|line| wrap(line, 4)).collect::<Vec<_>>().join("\n")
}

fn fields(findings: &Findings) -> String {
    let mut lines = vec![
        "Metadata fields (of the sample)".to_owned(),
        format!(
            "  {:<20} {:<14} {:>7} {:>8} {:>7}  values",
            "field", "types", "present", "distinct", "largest"
        ),
    ];
    lines.extend(findings.fields.values().map(field));
    if findings.fields.is_empty() {
        lines.push("  none".to_owned());
    }
    if findings.has_more_fields {
        lines.push("  and more: the names of fields seem to be data".to_owned());
    }
    for (what, fields) in [("nested", &findings.nested_fields), ("null", &findings.null_fields)] {
        if !fields.is_empty() {
            lines.push(wrap(
                &format!("  {what}, which the target does not keep: {}", fields.join(", ")),
                4,
            ));
        }
    }
    lines.join("\n")
}

fn field(field: &FieldSummary) -> String {
    let types: Vec<_> = field.types.keys().copied().collect();
    let more = if field.more_distinct { "+" } else { "" };
    let values = match (field.min, field.max) {
        (Some(min), Some(max)) => format!("{} to {}", Observed::Number(min), Observed::Number(max)),
        _ => {
            let top = field.top_values.iter().take(3);
            let top = top.map(|one| serde_json::to_string(&one.value).unwrap_or_default());
            top.collect::<Vec<_>>().join(" ")
        }
    };
    format!(
        "  {:<20} {:<14} {:>7} {:>8} {:>7}  {}",
        fit(&field.name.escape_debug().to_string(), 20),
        fit(&types.join("|"), 14),
        Observed::Share((field.present_share * 1000.0).round() / 1000.0).to_string(),
        format!("{}{more}", number(field.distinct as u64)),
        bytes(field.largest_bytes as f64),
        fit(&values, 16)
    )
    .trim_end()
    .to_owned()
}

fn inventory(inventory: &Inventory) -> String {
    let title = if inventory.files > 0 { "Files" } else { "Source" };
    let mut lines = vec![title.to_owned()];
    lines.extend(inventory.sentences().iter().map(|line| wrap(&format!("  {line}"), 4)));
    lines.join("\n")
}

fn of_target(inventory: &Inventory) -> Option<String> {
    let sentences = inventory.sentences();
    let lines = sentences.iter().map(|line| wrap(&format!("  {line}"), 4));
    let lines: Vec<String> = ["Target".to_owned()].into_iter().chain(lines).collect();
    (!sentences.is_empty()).then(|| lines.join("\n"))
}

fn rejects(findings: &Findings) -> String {
    let mut lines =
        vec![format!("Refused by the target ({})", number(findings.rejects.len() as u64))];
    let by_rule = findings.rejects_by_rule.sentences();
    lines.extend(by_rule.iter().map(|line| wrap(&format!("  {line}"), 4)));
    for reject in findings.rejects.iter().take(20) {
        let line = format!("  {} in {}: {}", reject.id.shown(), reject.namespace, reject.reason);
        lines.push(wrap(&line, 4));
    }
    if findings.rejects.len() > 20 {
        lines.push(format!(
            "  and {} more; audit.json has all",
            number(findings.rejects.len() as u64 - 20)
        ));
    }
    lines.join("\n")
}

fn operations(findings: &Findings, first: &Operation) -> String {
    let kinds = first.support.iter().map(|(kind, _)| format!("{kind:<8}")).collect::<Vec<_>>();
    let mut lines = vec![
        "Operations (! = the application loses it, or does it in another way)".to_owned(),
        format!("    {:<31} {}", "operation", kinds.join(" ").trim_end()),
    ];
    for operation in findings.operations {
        let is_lost =
            findings.lost_operations.iter().any(|lost| lost.operation == operation.operation);
        let mark = if is_lost { '!' } else { ' ' };
        let support = operation.support.iter();
        let support: Vec<_> =
            support.map(|(_, support)| format!("{:<8}", support.word())).collect();
        let support = support.join(" ");
        lines.push(format!("  {mark} {:<31} {}", operation.operation, support.trim_end()));
        if is_lost && !operation.note.is_empty() {
            lines.push(format!("      {}", operation.note));
        }
    }
    if let Some(schema) = &findings.suggested_schema {
        lines.push(wrap(&format!("  to index the same fields in the target: schema {schema}"), 4));
    }
    lines.join("\n")
}

fn limits(findings: &Findings) -> String {
    let mut lines = vec![
        "Limits of the service's plans".to_owned(),
        format!("    {:<11} {:<35} {:>13} {:>13}", "plan", "what", "needed", "allowed"),
    ];
    for check in &findings.limits {
        let mark = if check.holds { ' ' } else { '!' };
        lines.push(format!(
            "  {mark} {:<11} {:<35} {:>13} {:>13}",
            check.plan,
            check.what,
            number(check.needed),
            number(check.allowed)
        ));
    }
    lines.join("\n")
}

fn candidates(candidates: &[Candidate]) -> String {
    let mut lines =
        vec!["Ways to copy, and how fast documented limits and the plan let each be".to_owned()];
    for candidate in candidates {
        let mark = if candidate.ruled_out.is_empty() { ' ' } else { '!' };
        let mut facts = vec![candidate_words(candidate)];
        facts.extend(candidate.ruled_out.iter().map(|why| format!("ruled out: {why}")));
        facts.extend(candidate.needs.iter().map(|what| format!("needs: {what}")));
        let of = candidate.copy.as_ref().map_or(String::new(), |copy| format!("{copy}: "));
        lines.push(format!("  {mark} {of}{}", candidate.words));
        lines.extend(facts.iter().map(|fact| wrap(&format!("      {fact}"), 8)));
    }
    lines.join("\n")
}

/// Formats a candidate as `at least 3 s (50 MB/s a namespace of the target), $0.26`.
pub(super) fn candidate_words(candidate: &Candidate) -> String {
    let time = match (candidate.seconds_at_least, candidate.bound_by) {
        (Some(seconds), Some(by)) => format!("at least {} ({by})", span(seconds)),
        _ => "no documented rate".to_owned(),
    };
    match candidate.dollars {
        Some(cost) => format!("{time}, {}", dollars(cost)),
        None => format!("{time}, cost unknown"),
    }
}

/// Formats an amount; amounts below a cent are not shown as zero.
pub(super) fn dollars(value: f64) -> String {
    match value > 0.0 && value < 0.01 {
        true => "less than $0.01".to_owned(),
        false => Observed::Dollars(value).to_string(),
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "1 s".to_owned(),
        s if s < 120.0 => format!("{} s", s.ceil()),
        s if s < 7_200.0 => format!("{} min", (s / 60.0).ceil()),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

fn cost(findings: &Findings) -> String {
    let cost = &findings.cost;
    let before = cost.source_monthly.map_or(
        "unknown: give `prices.source_monthly` or `prices.pod_monthly`".to_owned(),
        dollars,
    );
    let after = cost.target_monthly.map_or("unknown".to_owned(), dollars);
    let mut lines = vec![
        format!("Cost, in US dollars, {}", findings.basis),
        format!("  source, a month   {before}"),
        format!("  target, a month   {after}"),
        format!("  copy, once        {}", dollars(cost.copy)),
        format!("  verify, once      {} (every record)", dollars(cost.verify)),
        "  prices".to_owned(),
    ];
    let known = findings.prices.origins().iter().filter(|origin| origin.value.is_some());
    lines.extend(known.map(price));
    let mut sources: Vec<(&str, &str)> = Vec::new();
    for origin in findings.prices.origins() {
        let source = (origin.from, origin.source.as_str());
        if origin.value.is_some() && !sources.contains(&source) {
            sources.push(source);
        }
    }
    for (from, source) in sources {
        let dated = match from {
            "built in" => format!(", as of {}", findings.prices.as_of()),
            _ => String::new(),
        };
        lines.push(wrap(&format!("  {from}{dated}: {source}"), 4));
    }
    lines.join("\n")
}

fn price(origin: &Origin) -> String {
    format!("    {:<20} {:>8}  {}", origin.name, origin.value.unwrap_or_default(), origin.from)
}

fn hottest(log: &QueryLog) -> String {
    let mut lines = vec![format!(
        "Hottest namespaces ({} in {}, {} unreadable)",
        plural(log.queries, "query"),
        plural(log.files as u64, "file"),
        plural(log.unreadable, "row")
    )];
    for hot in &log.hottest {
        let latency = hot.mean_ms.map(|ms| format!("  mean {ms:.1} ms")).unwrap_or_default();
        let share = Observed::Share((hot.share * 1000.0).round() / 1000.0).to_string();
        let line = format!(
            "    {:>12} {share:>8}  {}{latency}",
            number(hot.queries),
            shortened(&hot.namespace.to_string(), 34)
        );
        lines.push(line);
    }
    lines.push(format!("  {} never asked", plural(log.never_asked, "namespace")));
    if log.unknown_queries > 0 {
        let names: Vec<_> = log.unknown_namespaces.iter().map(|name| shortened(name, 30)).collect();
        lines.push(wrap(
            &format!(
                "  {} of namespaces the index does not have: {}",
                plural(log.unknown_queries, "query"),
                names.join(", ")
            ),
            4,
        ));
    }
    lines.join("\n")
}

/// Shortens a text to at most `width` characters.
fn fit(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text.chars().take(width - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Wraps a line at spaces, indenting the lines after the first by `indent` spaces. Words that are too long are shortened.
fn wrap(line: &str, indent: usize) -> String {
    let words: Vec<_> =
        line.split(' ').map(|word| shortened(word, WIDTH - indent.max(1))).collect();
    crate::text::wrap(&words.join(" "), WIDTH, &" ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_and_keep_their_columns() {
        let line = format!("  ! {:<31} yes  {}", "count", "word ".repeat(20).trim_end());
        let wrapped = wrap(&line, 40);
        assert!(wrapped.lines().all(|line| line.chars().count() <= WIDTH), "{wrapped}");
        assert!(wrapped.starts_with("  ! count                           yes  word"), "{wrapped}");
        assert!(wrapped.lines().skip(1).all(|line| line.starts_with(&" ".repeat(40))), "{wrapped}");
        assert!(wrap(&"x".repeat(200), 4).chars().count() <= WIDTH);
    }
}
