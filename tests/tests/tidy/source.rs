//! Reading the checkout: its files, and Rust text with comments and literals blanked so that it can be searched.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Folders that are made, not written.
const NOT_OURS: &[&str] = &["target", ".git", ".demo", ".cache", "node_modules", "dist", "__pycache__"];

/// Endings of files that are made or hold data.
const NOT_WRITTEN: &[&str] = &["Cargo.lock", "package-lock.json", ".proptest-regressions"];

/// One file, its path relative to the checkout and written with `/`.
#[derive(Clone, Debug)]
pub struct File {
    pub path: String,
    pub text: String,
}

/// Every written text file of the checkout.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, File>,
    folders: Vec<String>,
}

impl Tree {
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.walk(root, "");
        tree
    }

    /// A tree for a test of the rules.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for &(path, text) in files {
            tree.add(path.to_owned(), text.to_owned());
        }
        tree
    }

    pub fn files(&self) -> Vec<&File> {
        self.files.values().collect()
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// Whether a link to it goes somewhere: a written file, a folder, or any other file such as a picture.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.folders.iter().any(|folder| folder == path)
    }

    fn add(&mut self, path: String, text: String) {
        let parents = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        self.folders.extend(parents);
        self.files.insert(path.clone(), File { path, text });
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{prefix}{name}");
            if entry.file_type().unwrap().is_dir() {
                if !NOT_OURS.contains(&name.as_str()) {
                    self.folders.push(path.clone());
                    self.walk(&entry.path(), &format!("{path}/"));
                }
            } else if !NOT_WRITTEN.iter().any(|ending| name.ends_with(ending)) {
                // What is no UTF-8 is no text, and still a file that a link may name.
                match fs::read_to_string(entry.path()) {
                    Ok(text) => self.add(path, text),
                    Err(_) => self.folders.push(path),
                }
            }
        }
    }
}

/// The line, counted from one, of a byte.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Where `word` stands by itself: no letter, digit or `_` beside it.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = code.as_bytes();
        let before = at > 0 && joins(bytes.get(at - 1));
        let after = joins(bytes.get(at + word.len()));
        !before && !after
    })
}

/// From the first `{` after `at` to its `}`; `None` when a `;` outside brackets comes first.
pub fn block(code: &str, at: usize) -> Option<Range<usize>> {
    let (mut brackets, mut braces, mut start) = (0i32, 0i32, None);
    for (index, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' if start.is_none() => brackets += 1,
            b')' | b']' if start.is_none() => brackets -= 1,
            b';' if start.is_none() && brackets <= 0 => return None,
            b'{' => {
                start.get_or_insert(index);
                braces += 1;
            }
            b'}' if start.is_some() => {
                braces -= 1;
                if braces == 0 {
                    return start.map(|start| start..index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The same text, byte for byte as long, with the inside of comments and literals turned into blanks.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped(bytes, at);
        for byte in &mut code[at..end.unwrap_or(at)] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.unwrap_or(at + 1);
    }
    String::from_utf8(code).expect("whole literals and comments were replaced by blanks")
}

/// The end of the comment or literal that starts here, if one does.
fn skipped(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let starts_word = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(at + rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(at + block_comment(rest)),
        [b'"', ..] => Some(at + quoted(rest)),
        [b'r', b'"' | b'#', ..] if starts_word => raw(&rest[1..]).map(|length| at + 1 + length),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if starts_word => raw(&rest[2..]).map(|length| at + 2 + length),
        [b'\'', b'\\', ..] => Some(at + 3 + rest.iter().skip(3).position(|&b| b == b'\'')? + 1),
        [b'\'', ..] => character(rest).map(|length| at + length),
        _ => None,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&b| b == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let body = &rest[hashes + 1..];
    let close = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
    Some((hashes + 1 + close + end.len()).min(rest.len()))
}

/// A literal of one character; `None` for a lifetime, which has no closing quote.
fn character(rest: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)]);
    let valid = text.map_or_else(|e| std::str::from_utf8(&rest[1..1 + e.valid_up_to()]).ok(), Some)?;
    let length = valid.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}
