//! Where the records of an index stand: in one table, or in a table for each namespace.

use std::fmt;

use super::name::{TableName, misfit};
use crate::error::{Error, Result};
use crate::model::Namespace;

/// The schema of a table whose name has none.
const SCHEMA: &str = "public";

/// What stands for the namespace in the name of a table.
const NAMESPACE: &str = "{namespace}";

/// A table, or tables of one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Table(TableName),
    Tables(Pattern),
}

/// The names of tables that hold a namespace each. A namespace has one name and a name is of one namespace: what stands for
/// the namespace is never empty, nothing is folded, and nothing is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub schema: String,
    pub before: String,
    pub after: String,
}

impl Pattern {
    /// Returns the table of a namespace; that of the default one is called by its name for people.
    pub fn table(&self, namespace: &Namespace) -> TableName {
        let name = format!("{}{}{}", self.before, namespace.explicit(), self.after);
        TableName::new(&self.schema, name)
    }

    /// Returns the namespace of a table of this name; `None` if the name does not fit.
    pub fn namespace(&self, name: &str) -> Option<Namespace> {
        let inner = name.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        (!inner.is_empty()).then(|| Namespace::from(inner))
    }

    /// Returns why a namespace can have no table; `None` if it can.
    pub fn refuses(&self, namespace: &Namespace) -> Option<&'static str> {
        match misfit(&self.table(namespace).name)? {
            "holds a NUL" => Some("contains NUL"),
            _ => Some("makes a table's name longer than 63 bytes"),
        }
    }
}

impl Place {
    /// Reads `schema.table`, or a table of the schema `public`; with `{namespace}` in the table's name, a table for each
    /// namespace. A part that begins with a quotation mark is quoted as in SQL, and may hold a dot.
    ///
    /// # Errors
    /// Why it can be no name.
    pub fn read(index: &str) -> Result<Self, String> {
        let parts = parts(index)?;
        let (schema, name) = match &parts[..] {
            [name] => (SCHEMA, &**name),
            [schema, name] => (&**schema, &**name),
            _ => {
                return Err(
                    "it has more than one `.`; a name that holds one is written as `schema.\"a.b\"`"
                        .to_owned(),
                );
            }
        };
        for part in [schema, name] {
            if let Some(why) = misfit(part).filter(|_| !part.contains(NAMESPACE)) {
                return Err(format!("`{}` {why}", part.escape_debug()));
            }
            if let Some(other) = placeholder(part).filter(|other| *other != NAMESPACE) {
                return Err(format!("`{other}` stands for nothing; `{NAMESPACE}` does"));
            }
        }
        if schema.contains(NAMESPACE) {
            return Err(format!("`{NAMESPACE}` stands in a table's name, not in its schema's"));
        }
        let Some((before, after)) = name.split_once(NAMESPACE) else {
            return Ok(Self::Table(TableName::new(schema, name)));
        };
        if after.contains(NAMESPACE) {
            return Err(format!("it has `{NAMESPACE}` twice"));
        }
        let of = |text: &str| text.to_owned();
        let pattern = Pattern { schema: of(schema), before: of(before), after: of(after) };
        match pattern.refuses(&Namespace::new("")) {
            Some(_) => Err("it leaves no room for a namespace in 63 bytes".to_owned()),
            None => Ok(Self::Tables(pattern)),
        }
    }

    /// The same for what a plan calls `what`.
    ///
    /// # Errors
    /// `Invalid` with what it is and why it cannot be.
    pub fn named(index: &str, what: &str) -> Result<Self> {
        Self::read(index)
            .map_err(|why| Error::invalid(format!("`{index}` cannot be {what}: {why}")))
    }

    /// Returns the table of that name, for what stands for one table alone.
    ///
    /// # Errors
    /// Those of [`Place::named`]; `Invalid` for tables that hold a namespace each.
    pub fn one_table(index: &str, what: &str) -> Result<TableName> {
        match Self::named(index, what)? {
            Self::Table(name) => Ok(name),
            Self::Tables(_) => Err(Error::invalid(format!(
                "`{index}` cannot be {what}: it is a table for each namespace"
            ))),
        }
    }

    /// Returns the table that a run makes first: the one, or that of the default namespace.
    pub fn first(&self) -> TableName {
        match self {
            Self::Table(name) => name.clone(),
            Self::Tables(pattern) => pattern.table(&Namespace::new("")),
        }
    }

    /// Returns the namespace that rows have within the table of a namespace: none, where the table is the namespace.
    pub fn within(&self, namespace: &Namespace) -> Namespace {
        match self {
            Self::Table(_) => namespace.clone(),
            Self::Tables(_) => Namespace::new(""),
        }
    }

    pub fn schema(&self) -> &str {
        match self {
            Self::Table(name) => &name.schema,
            Self::Tables(pattern) => &pattern.schema,
        }
    }
}

/// As a plan writes it, with its schema.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => name.fmt(f),
            Self::Tables(Pattern { schema, before, after }) => {
                write!(f, "{schema}.{before}{NAMESPACE}{after}")
            }
        }
    }
}

/// Splits a name at its dots, but for those in quotation marks.
fn parts(index: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut rest) = (Vec::new(), index);
    loop {
        let (part, behind) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        rest = match behind.strip_prefix('.') {
            Some(next) => next,
            None if behind.is_empty() => return Ok(parts),
            None => return Err("something stands behind a quotation mark".to_owned()),
        };
    }
}

/// Reads up to the quotation mark that ends a part, which within it is written twice.
fn unquoted(quoted: &str) -> Result<(String, &str), String> {
    let (mut part, mut rest) = (String::new(), quoted);
    loop {
        let Some((before, behind)) = rest.split_once('"') else {
            return Err("a quotation mark is not closed".to_owned());
        };
        part.push_str(before);
        match behind.strip_prefix('"') {
            None => return Ok((part, behind)),
            Some(next) => {
                part.push('"');
                rest = next;
            }
        }
    }
}

/// Returns the first word in braces.
fn placeholder(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let end = start + text[start..].find('}')?;
    let word = &text[start + 1..end];
    let is_word =
        !word.is_empty() && word.bytes().all(|one| one.is_ascii_lowercase() || one == b'_');
    is_word.then(|| &text[start..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(index: &str) -> Pattern {
        match Place::read(index) {
            Ok(Place::Tables(pattern)) => pattern,
            other => panic!("{index}: {other:?}"),
        }
    }

    #[test]
    fn a_name_has_at_most_one_schema() {
        let table = |schema: &str, name: &str| Ok(Place::Table(TableName::new(schema, name)));
        assert_eq!(Place::read("documents"), table("public", "documents"));
        assert_eq!(Place::read("My.Documents"), table("My", "Documents"));
        assert_eq!(Place::read("a.b{A} c"), table("a", "b{A} c"));
        assert_eq!(Place::read("\"a.b\""), table("public", "a.b"));
        assert_eq!(Place::read("\"My \"\"x\"\".1\".\".\""), table("My \"x\".1", "."));
        assert_eq!(Place::read("a.b\"c"), table("a", "b\"c"));
        for wrong in
            ["", "a.", ".a", "a.b.c", "\"a", "\"a\"b", "\"\"", "a.\"b\".c", &"x".repeat(64)]
        {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_namespace_has_one_table_and_a_table_one_namespace() {
        for index in
            ["shop.items_{namespace}", "{namespace}", "a.{namespace}_x", "a.b_{namespace}_c"]
        {
            let pattern = pattern(index);
            for name in ["", "red", "Red", "a.b", "it's \"x\"", "ü", "_", "{namespace}", "items_"]
            {
                let namespace = Namespace::from(name);
                let table = pattern.table(&namespace);
                assert_eq!(pattern.namespace(&table.name), Some(namespace), "{index} {name}");
            }
        }
        let pattern = pattern("shop.items_{namespace}_v1");
        for other in ["items__v1", "items_v1", "items_a", "item_a_v1", "items_a_v1x"] {
            assert_eq!(pattern.namespace(other), None, "{other}");
        }
        assert_eq!(pattern.refuses(&Namespace::new("x".repeat(54))), None);
        assert!(pattern.refuses(&Namespace::new("x".repeat(55))).unwrap().contains("63 bytes"));
        assert!(pattern.refuses(&Namespace::new("é".repeat(28))).is_some());
        assert_eq!(pattern.refuses(&Namespace::new("a\0")), Some("contains NUL"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        for (wrong, why) in [
            ("{namespace}.items", "not in its schema's"),
            ("a.{namespace}_{namespace}", "twice"),
            ("a.items_{tenant}", "`{tenant}` stands for nothing"),
            (&*format!("a.{}{{namespace}}", "x".repeat(53)), "no room"),
        ] {
            let said = Place::read(wrong).unwrap_err();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }
}
