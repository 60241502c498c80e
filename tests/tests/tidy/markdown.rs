//! Links in Markdown that go nowhere: to a file, a folder or a heading that does not exist.

use crate::Finding;
use crate::source::{File, Tree};

/// Every dead link of one file.
pub fn findings(file: &File, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, text) in prose(&file.text) {
        for target in targets(&text) {
            if let Some(what) = dead(file, tree, target) {
                findings.push(Finding::new(&file.path, line, what, "correct the link or take it out"));
            }
        }
    }
    findings
}

/// The lines outside fenced code, without inline code.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let outside = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            lines.push((index + 1, outside));
        }
    }
    lines
}

fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn dead(file: &File, tree: &Tree, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let linked = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
    if !linked.is_empty() && !tree.has(&linked) {
        return Some(format!("a link to `{path}`, which is not there"));
    }
    let heading = heading?;
    let linked = tree.get(&linked)?;
    let found = prose(&linked.text).iter().any(|(_, line)| anchor(line).as_deref() == Some(heading));
    (!found).then(|| format!("a link to `#{heading}`, which is no heading of {}", linked.path))
}

/// A path relative to the file, as one relative to the checkout.
fn resolve(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchor a heading line is given: lower case, blanks as hyphens, other signs left out.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    Some(kept.replace(' ', "-"))
}
