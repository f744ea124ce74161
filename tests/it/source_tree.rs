//! The modules of `src/` and which of them use each other, read from the sources.
//!
//! A path is followed through re-exports to the module that defines its item. Tests inside the files are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The names from the crate's root down to a module.
pub type Place = Vec<String>;

/// All modules of the crate.
pub struct Tree {
    modules: BTreeMap<Place, Module>,
}

#[derive(Default)]
struct Module {
    /// Names that a `use` brings in, each with its path.
    imports: BTreeMap<String, Place>,
    /// Paths whose every name a `use` brings in.
    globs: Vec<Place>,
    /// Names of the items that it defines.
    items: BTreeSet<String>,
    /// Paths of what it uses itself, without what it only re-exports.
    uses: Vec<Place>,
    /// Paths of one name: of an item, or of something local.
    bare: BTreeSet<String>,
}

impl Tree {
    /// Reads the sources below `root`.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self { modules: BTreeMap::new() };
        tree.read_folder(root, &[]);
        tree
    }

    fn read_folder(&mut self, folder: &Path, place: &[String]) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut inner = place.to_vec();
            if path.is_dir() {
                inner.push(name);
                self.read_folder(&path, &inner);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                if !matches!(name.as_str(), "mod" | "lib") {
                    inner.push(name);
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
                self.read_module(&inner, &file.items);
            }
        }
    }

    fn read_module(&mut self, place: &[String], items: &[Item]) {
        let mut reader = Reader::default();
        items.iter().for_each(|item| reader.visit_item(item));
        let Reader { module, inner } = reader;
        self.modules.insert(place.to_vec(), module);
        for (name, items) in inner {
            let place = [place, &[name]].concat();
            self.read_module(&place, &items);
        }
    }

    pub fn has(&self, place: &[&str]) -> bool {
        self.modules.contains_key(&place.iter().map(|name| (*name).to_owned()).collect::<Place>())
    }

    /// Returns the pairs of modules of which the first uses the second.
    pub fn arrows(&self) -> BTreeSet<(Place, Place)> {
        let mut arrows = BTreeSet::new();
        for (from, module) in &self.modules {
            // A name that stands alone is no module's.
            let items = module.bare.iter().filter_map(|name| module.imports.get(name));
            let items = items.filter(|path| !self.is_module(path, from));
            for path in module.uses.iter().chain(items) {
                if let Some(to) = self.find(path, from, 0) {
                    arrows.insert((from.clone(), to));
                }
            }
        }
        arrows.retain(|(from, to)| from != to);
        arrows
    }

    fn is_module(&self, path: &[String], from: &[String]) -> bool {
        self.start(path, from)
            .is_some_and(|(place, rest)| self.modules.contains_key(&[&place[..], rest].concat()))
    }

    /// Returns the module that defines what `path` names; `None` for an item of another crate.
    fn find(&self, path: &[String], from: &[String], depth: usize) -> Option<Place> {
        assert!(depth < 20, "{path:?} of {from:?} leads nowhere");
        let (mut place, rest) = self.start(path, from)?;
        for (index, name) in rest.iter().enumerate() {
            let inner = [&place[..], std::slice::from_ref(name)].concat();
            if self.modules.contains_key(&inner) {
                place = inner;
                continue;
            }
            let after = &rest[index + 1..];
            return self.through(&place, name, after, depth).or(Some(place));
        }
        Some(place)
    }

    /// Follows `name` out of `place` if a `use` there brings it in.
    fn through(
        &self,
        place: &[String],
        name: &str,
        after: &[String],
        depth: usize,
    ) -> Option<Place> {
        let module = self.modules.get(place)?;
        if module.items.contains(name) {
            return None;
        }
        if let Some(target) = module.imports.get(name) {
            let path = [target, after].concat();
            return self.find(&path, place, depth + 1);
        }
        module.globs.iter().find_map(|glob| {
            let target = self.find(glob, place, depth + 1)?;
            let inner = self.modules.get(&target)?;
            let has = inner.items.contains(name) || inner.imports.contains_key(name);
            let path = [&["crate".to_owned()], &target[..], &[name.to_owned()], after].concat();
            has.then(|| self.find(&path, place, depth + 1)).flatten()
        })
    }

    /// Returns the module that a path begins in, and the rest of the path.
    fn start<'a>(&self, path: &'a [String], from: &[String]) -> Option<(Place, &'a [String])> {
        match path.first()?.as_str() {
            "crate" | "vecshift" => Some((Vec::new(), &path[1..])),
            "self" => Some((from.to_vec(), &path[1..])),
            "super" => {
                let depth = path.iter().take_while(|name| *name == "super").count();
                let up = from.len().checked_sub(depth)?;
                Some((from[..up].to_vec(), &path[depth..]))
            }
            name => {
                let module = self.modules.get(from)?;
                let inner = [from, &[name.to_owned()]].concat();
                // `use name::name;` is of another crate, unless there is a module of that name here.
                let imported = module.imports.get(name).is_some_and(|path| path[0] != name);
                let is_known =
                    self.modules.contains_key(&inner) || imported || module.items.contains(name);
                is_known.then(|| (from.to_vec(), path))
            }
        }
    }
}

/// Reads one module and sets aside those inside it.
#[derive(Default)]
struct Reader {
    module: Module,
    inner: Vec<(String, Vec<Item>)>,
}

impl Reader {
    fn import(&mut self, tree: &UseTree, path: &mut Place, is_handed_on: bool) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path, is_handed_on);
                path.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, path, is_handed_on));
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let mut full = path.clone();
                if name != "self" {
                    full.push(name);
                }
                if let Some(last) = full.last().cloned() {
                    self.bring(last, full, is_handed_on);
                }
            }
            UseTree::Rename(name) => {
                let full = [&path[..], &[name.ident.to_string()]].concat();
                self.bring(name.rename.to_string(), full, is_handed_on);
            }
            UseTree::Glob(_) => {
                if !is_handed_on {
                    self.module.uses.push(path.clone());
                }
                self.module.globs.push(path.clone());
            }
        }
    }

    fn bring(&mut self, name: String, path: Place, is_handed_on: bool) {
        if !is_handed_on {
            self.module.uses.push(path.clone());
        }
        // `use name;` of another crate would lead to itself.
        if path[..] != [name.clone()] {
            self.module.imports.insert(name, path);
        }
    }

    /// Collects the paths in the arguments of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Place = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.tokens(group.stream());
                }
                _ => self.end(&mut path),
            }
            colons = 0;
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Place) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.module.uses.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if attributes(item).iter().any(is_test) {
            return;
        }
        if let Some(name) = name(item) {
            self.module.items.insert(name);
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if let Some((_, items)) = &module.content {
            self.inner.push((module.ident.to_string(), items.clone()));
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_handed_on = !matches!(item.vis, Visibility::Inherited);
        self.import(&item.tree, &mut Vec::new(), is_handed_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names: Place = path.segments.iter().map(|part| part.ident.to_string()).collect();
        match names.len() {
            1 => self.module.bare.extend(names.pop()),
            _ => self.module.uses.push(names),
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        _ => return None,
    })
}
