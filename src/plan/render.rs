//! Diagnostics as text with the source line and a caret.

use annotate_snippets::{AnnotationKind, Group, Level as Shown, Origin, Renderer, Snippet};

use super::codes;
use super::codes::Level;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::source::{Region, SourceFile, Sources};

/// Choice of whether text carries terminal colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Never,
    Always,
}

impl Diagnostics {
    /// Renders everything, each with its source line; ends with a line feed unless there is nothing.
    pub fn render(&self, colour: Colour) -> String {
        self.iter().map(|diagnostic| self.render_one(diagnostic, colour) + "\n").collect()
    }

    /// Renders one of the list, without a line feed at its end.
    fn render_one(&self, diagnostic: &Diagnostic, colour: Colour) -> String {
        let renderer = match colour {
            Colour::Never => Renderer::plain(),
            Colour::Always => Renderer::styled(),
        };
        renderer.render(&[group(diagnostic, self.sources())]) + "\n"
    }
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.level {
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group = match sources.file(diagnostic.region.file) {
        // A file that cannot be read has no line to show.
        Some(file) if diagnostic.code == codes::UNREADABLE.code => {
            title.element(Origin::path(file.name.as_str()))
        }
        Some(file) => title.element(snippet(diagnostic, file)),
        None => Group::with_title(title),
    };
    for related in &diagnostic.related {
        if related.region.file != diagnostic.region.file
            && let Some(file) = sources.file(related.region.file)
        {
            let annotation = AnnotationKind::Context
                .span(span(related.region, file))
                .label(related.message.as_str());
            group = group.element(
                Snippet::source(file.text.as_str()).path(file.name.as_str()).annotation(annotation),
            );
        }
    }
    for note in &diagnostic.notes {
        group = group.element(Shown::NOTE.message(note.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Shown::HELP.message(help.as_str()));
    }
    group
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: &'a SourceFile,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let primary = AnnotationKind::Primary
        .span(span(diagnostic.region, file))
        .label(diagnostic.label.as_deref());
    let context = diagnostic
        .related
        .iter()
        .filter(|related| related.region.file == diagnostic.region.file)
        .map(|related| {
            AnnotationKind::Context.span(span(related.region, file)).label(related.message.as_str())
        });
    Snippet::source(file.text.as_str())
        .path(file.name.as_str())
        .annotation(primary)
        .annotations(context)
}

/// Returns the region's bytes, kept inside the text and to one line if it would run over several.
fn span(region: Region, file: &SourceFile) -> std::ops::Range<usize> {
    let end = region.end.min(file.text.len());
    let start = region.start.min(end);
    let stretch = file.text.get(start..end).unwrap_or_default();
    let first_line = stretch.split('\n').next().unwrap_or_default().trim_end();
    start..start + first_line.len()
}
