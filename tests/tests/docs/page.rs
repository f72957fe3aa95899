//! Markdown, as far as these tests need it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;

/// The pages beside those in `docs`.
const AT_THE_ROOT: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

/// One Markdown file.
pub(crate) struct Page {
    /// From the root of the repository.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    pub(crate) language: String,
    /// The HTML comment in the line above: `<!-- bad: SP1306 -->`.
    pub(crate) mark: Option<String>,
    /// The number of its first line.
    pub(crate) line: usize,
    pub(crate) lines: Vec<String>,
}

impl Page {
    pub(crate) fn read(name: &str) -> Result<Self> {
        let text = fs::read_to_string(workspace().join(name)).with_context(|| format!("there is no {name}"))?;
        Ok(Self { name: name.to_owned(), text })
    }

    /// Every page.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let mut names: Vec<String> = AT_THE_ROOT.map(str::to_owned).to_vec();
        below("docs", &mut names)?;
        ensure!(names.len() > 15, "only {names:?} were found");
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// Blocks may stand in lists, so their lines lose the fence's indentation.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        let mut before = "";
        for (number, line) in (1..).zip(self.text.lines()) {
            let indentation = line.len() - line.trim_start().len();
            match (open.take(), line.trim_start().strip_prefix("```")) {
                (None, None) => {}
                (None, Some(language)) => {
                    let mark = before.trim().strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                    let (language, mark) = (language.to_owned(), mark.map(str::to_owned));
                    open = Some((indentation, Block { language, mark, line: number + 1, lines: Vec::new() }));
                }
                (Some((_, block)), Some(_)) => blocks.push(block),
                (Some((depth, mut block)), None) => {
                    block.lines.push(line.get(depth.min(indentation)..).unwrap_or_default().to_owned());
                    open = Some((depth, block));
                }
            }
            before = line;
        }
        blocks
    }

    /// The text without its blocks.
    pub(crate) fn prose(&self) -> String {
        let mut is_outside = true;
        let prose = self.text.lines().filter(|line| {
            let is_fence = line.trim_start().starts_with("```");
            is_outside ^= is_fence;
            is_outside && !is_fence
        });
        prose.collect::<Vec<_>>().join("\n")
    }

    /// What stands between backticks, outside of blocks.
    pub(crate) fn spans(&self) -> Vec<String> {
        let prose = self.prose().replace('\n', " ");
        prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let prose = self.prose();
        let titles = prose
            .lines()
            .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
        let anchors = titles.map(|title| {
            let kept = title.to_lowercase();
            let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
            let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
            let count = seen.entry(anchor.clone()).or_default();
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        });
        anchors.collect()
    }
}

/// The Markdown files below a folder.
fn below(folder: &str, names: &mut Vec<String>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(workspace().join(folder))?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            below(&name, names)?;
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            names.push(name);
        }
    }
    Ok(())
}

#[test]
fn blocks_and_anchors_are_found() {
    let text =
        "# Of `a`: b's\n\n## A\n## A\n\n1. one\n\n   <!-- bad: SP1 -->\n   ```yaml\n   a: 1\n     b\n   ```\n# c\n";
    let page = Page { name: "x.md".to_owned(), text: text.to_owned() };
    assert_eq!(page.anchors(), ["of-a-bs", "a", "a-1", "c"]);
    let [block] = &page.blocks()[..] else { panic!("one block") };
    assert_eq!((block.language.as_str(), block.mark.as_deref(), block.line), ("yaml", Some("bad: SP1"), 10));
    assert_eq!(block.lines, ["a: 1", "  b"]);
    assert_eq!(page.spans(), ["a"]);
}
