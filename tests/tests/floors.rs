//! The floors of the house: inside a crate, as between crates, what uses another module stands above it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, UseTree, Visibility};

/// The production crates that have more than a module or two; each documents its floors in its root.
const CRATES: [&str; 5] =
    ["filter/core/src", "filter/src", "packager/egress/src", "packager/manifest/src", "packager/src"];

/// A module as its path within the crate; the root's is empty.
type Module = Vec<String>;

/// Which file uses which.
type Uses = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_file_uses_itself_by_way_of_others() -> Result<()> {
    let mut circles = BTreeSet::new();
    for folder in CRATES {
        let uses = read(&workspace().join(folder))?;
        for module in uses.keys() {
            let reached = reach(&uses, module);
            if reached.contains(module) {
                let with = reached.iter().filter(|other| reach(&uses, other).contains(module));
                let with: Vec<_> = with.map(|module| module.join("::")).collect();
                circles.insert(format!("{folder}: {}", with.join(", ")));
            }
        }
    }
    let circles: Vec<_> = circles.into_iter().collect();
    ensure!(circles.is_empty(), "these use one another:\n{}", circles.join("\n"));
    Ok(())
}

#[test]
fn modules_use_only_what_is_below_them() -> Result<()> {
    for folder in CRATES {
        let folder_path = workspace().join(folder);
        let floors = documented(&folder_path)?;
        let floor = |module: &Module| {
            let top = module.first().context("the root has no floor")?;
            floors.get(top).with_context(|| format!("{folder}: `{top}` has no floor"))
        };
        for (module, used) in read(&folder_path)?.into_iter().filter(|(module, _)| !module.is_empty()) {
            for used in used.iter().filter(|used| used.first() != module.first()) {
                let is_below = floor(used)? < floor(&module)?;
                let (module, used) = (module.join("::"), used.join("::"));
                ensure!(is_below, "{folder}: `{module}` uses `{used}`, which does not stand below it");
            }
        }
    }
    Ok(())
}

/// The height of each module, as the crate's root documents it: the highest floor first.
fn documented(folder: &Path) -> Result<BTreeMap<String, usize>> {
    let root = ["lib.rs", "main.rs"].map(|name| folder.join(name)).into_iter().find(|file| file.exists());
    let text = fs::read_to_string(root.context("no root")?)?;
    let (_, after) = text.split_once("//! # Floors").with_context(|| format!("{} has no floors", folder.display()))?;
    let (_, block) = after.split_once("//! ```text\n").context("no block of floors")?;
    let (block, _) = block.split_once("//! ```").context("the block of floors has no end")?;
    let floors = block.lines().rev().map(|line| line.trim_start_matches("//!").split_whitespace());
    let heights: BTreeMap<_, _> =
        floors.enumerate().flat_map(|(height, floor)| floor.map(move |name| (name.to_owned(), height))).collect();
    ensure!(heights.len() > 4, "{}: only {} modules have a floor", folder.display(), heights.len());
    Ok(heights)
}

/// All that a module uses, and what that uses.
fn reach(uses: &Uses, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<_> = uses.get(from).into_iter().flatten().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module.clone()) {
            next.extend(uses.get(module).into_iter().flatten());
        }
    }
    reached
}

fn read(root: &Path) -> Result<Uses> {
    let mut files = BTreeMap::new();
    collect(root, &mut Vec::new(), &mut files)?;
    ensure!(files.len() > 4, "only {} files in {}", files.len(), root.display());
    let mut uses = Uses::new();
    for (module, file) in &files {
        let syntax = syn::parse_file(&fs::read_to_string(file)?).with_context(|| file.display().to_string())?;
        let mut found = Paths { module: module.clone(), paths: Vec::new() };
        found.visit_file(&syntax);
        let targets = found.paths.iter().map(|path| {
            let mut target = path.clone();
            while !files.contains_key(&target) {
                target.pop();
            }
            target
        });
        // A name of the root's is one that it re-exports from the modules.
        let used = targets.filter(|target| target != module && !target.is_empty()).collect();
        uses.insert(module.clone(), used);
    }
    Ok(uses)
}

fn collect(folder: &Path, module: &mut Module, files: &mut BTreeMap<Module, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().context("no name")?.to_string_lossy().into_owned();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, files)?;
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut own = module.clone();
            if !(module.is_empty() && ["lib", "main"].contains(&stem.as_str())) {
                own.push(stem);
            }
            files.insert(own, path);
        }
    }
    Ok(())
}

/// The paths that a file names, from the crate's root on.
struct Paths {
    module: Module,
    paths: Vec<Module>,
}

impl Paths {
    fn add(&mut self, segments: &[String]) {
        let mut path = match segments.first().map(String::as_str) {
            Some("crate") => Module::new(),
            Some("self") => self.module.clone(),
            Some("super") => self.module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default(),
            // A child, by its plain name.
            Some(_) => [self.module.as_slice(), &segments[..1]].concat(),
            None => return,
        };
        for segment in &segments[1..] {
            if segment == "super" {
                path.pop();
            } else {
                path.push(segment.clone());
            }
        }
        self.paths.push(path);
    }

    fn add_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            UseTree::Glob(_) => self.add(before),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(before, item)),
        }
    }

    fn is_above(&self, path: &Module) -> bool {
        path.len() > self.module.len() && path.starts_with(&self.module)
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        let is_test = |attribute: &Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let before = self.paths.len();
        self.add_tree(&[], &item.tree);
        // What a module shows of its own parts, it does not use.
        if !matches!(item.vis, Visibility::Inherited) {
            let shown = self.paths.split_off(before);
            let used: Vec<_> = shown.into_iter().filter(|path| !self.is_above(path)).collect();
            self.paths.extend(used);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&segments);
        }
        visit::visit_path(self, path);
    }

    /// What stands in a macro is not parsed: of it, paths from the root count.
    fn visit_macro(&mut self, called: &'ast Macro) {
        let text = called.tokens.to_string().replace(' ', "");
        for path in text.split("crate::").skip(1) {
            let path = path.split(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter))).next();
            let segments = path.unwrap_or_default().split("::").map(str::to_owned);
            self.add(&std::iter::once("crate".to_owned()).chain(segments).collect::<Vec<_>>());
        }
        visit::visit_macro(self, called);
    }
}
