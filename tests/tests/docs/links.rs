//! Links between pages, and the index.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;

use crate::page::Page;

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let pages = Page::all()?;
    let mut seen = 0;
    for page in &pages {
        for link in links(page) {
            if link.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { page.name.clone() } else { beside(&page.name, file)? };
            ensure!(workspace().join(&target).exists(), "{}: the link `{link}` leads nowhere", page.name);
            if let Some(anchor) = anchor {
                let anchors = pages.iter().find(|other| other.name == target).map(Page::anchors);
                let anchors = anchors.with_context(|| format!("{}: `{link}` is not a page", page.name))?;
                ensure!(
                    anchors.iter().any(|known| known == anchor),
                    "{}: there is no `{link}`: {anchors:?}",
                    page.name
                );
            }
        }
    }
    ensure!(seen > 50, "only {seen} links were found");
    Ok(())
}

#[test]
fn the_index_has_every_page() -> Result<()> {
    let index = Page::read("docs/README.md")?;
    let listed = links(&index).iter().map(|link| beside(&index.name, link)).collect::<Result<Vec<_>>>()?;
    for page in Page::all()?.iter().filter(|page| page.name.starts_with("docs/") && page.name != index.name) {
        ensure!(listed.contains(&page.name), "docs/README.md does not list {}", page.name);
    }
    Ok(())
}

fn links(page: &Page) -> Vec<String> {
    let prose = page.prose();
    prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// The path, from the root, of a link in a page.
fn beside(page: &str, link: &str) -> Result<String> {
    let folder = Path::new(page).parent().context("a page has a folder")?;
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir => ensure!(path.pop(), "{page}: `{link}` leaves the repository"),
            part => path.push(part),
        }
    }
    Ok(path.to_string_lossy().into_owned())
}
