//! Where in a YAML file something stands.
//!
//! The YAML reader forgets places, so they are looked for in the text: the entries of a top-level
//! list are its `- ` lines, and the fields of an entry are the `name:` lines of its indentation.
//! Files in another style, such as an entry in braces over several lines, get the line of the entry
//! or none: a place is only ever told where it is sure.

use std::collections::HashMap;

/// The lines of the entries of top-level lists.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lists: HashMap<String, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    line: usize,
    /// Names of fields and their lines.
    fields: Vec<(String, usize)>,
    /// The lines of the items of fields that are lists, with how far they are indented.
    items: Vec<(String, usize, usize)>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let mut lines = Self::default();
        let mut list: Option<String> = None;
        // How far the entries of this list are indented.
        let mut indented = None;
        for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line)) {
            let body = line.trim_start();
            if body.is_empty() || body.starts_with('#') {
                continue;
            }
            let indent = line.len() - body.len();
            let item = body
                .strip_prefix('-')
                .filter(|rest| rest.is_empty() || rest.starts_with(' '));
            if indent == 0 && item.is_none() {
                list = name(body).map(str::to_owned);
                indented = None;
                continue;
            }
            let Some(list) = &list else { continue };
            let entries = lines.lists.entry(list.clone()).or_default();
            match item {
                Some(first) if indented.is_none_or(|at| at == indent) => {
                    indented = Some(indent);
                    let fields = fields(first)
                        .into_iter()
                        .map(|name| (name, number))
                        .collect();
                    entries.push(Entry {
                        line: number,
                        fields,
                        items: Vec::new(),
                    });
                }
                Some(_) => {
                    if let Some(entry) = entries.last_mut() {
                        entry.add_item(indent, number);
                    }
                }
                None => {
                    if indented.is_some_and(|at| indent == at + 2)
                        && let (Some(entry), Some(name)) = (entries.last_mut(), name(body))
                    {
                        entry.fields.push((name.to_owned(), number));
                    }
                }
            }
        }
        lines
    }

    /// The line of a field of the entry at `position` of `list`; of the entry itself where the field
    /// is not found.
    pub(super) fn find(&self, list: &str, position: usize, field: &str) -> Option<usize> {
        let entry = self.lists.get(list)?.get(position)?;
        let mut parts = field.split(['.', '[', ']']);
        let field = parts.next().unwrap_or(field);
        let item = parts.next().and_then(|number| number.parse::<usize>().ok());
        let items = entry.items.iter().filter(|(name, ..)| name == field);
        if let Some((.., line)) = item.and_then(|number| items.clone().nth(number)) {
            return Some(*line);
        }
        let found = entry.fields.iter().find(|(name, _)| name == field);
        Some(found.map_or(entry.line, |(_, line)| *line))
    }
}

impl Entry {
    /// Notes an item of the list that is the last field; not those of lists within it.
    fn add_item(&mut self, indent: usize, line: usize) {
        let Some((field, _)) = self.fields.last() else {
            return;
        };
        let first = self.items.iter().find(|(name, ..)| name == field);
        if first.is_none_or(|(_, at, _)| *at == indent) {
            self.items.push((field.clone(), indent, line));
        }
    }
}

/// The name in a line `name: …`.
fn name(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(':')?;
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    ((rest.is_empty() || rest.starts_with(' ')) && name.bytes().all(is_word)).then_some(name)
}

/// The names of the fields in the first line of an entry: one, or those in braces.
fn fields(line: &str) -> Vec<String> {
    match line.trim().strip_prefix('{') {
        None => name(line.trim()).map(str::to_owned).into_iter().collect(),
        Some(rest) => rest
            .split([',', '{', '}'])
            .filter_map(|part| name(part.trim()))
            .map(str::to_owned)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_where_they_stand() {
        let lines = Lines::of(
            "# a comment\nnetworks:\n- name: blue\n  mtu: 9000\n\nports:\n  - id: a\n    fixed_ips:\n    - 10.0.0.1\n    host: h\n  - {id: b, host: h}\n",
        );
        assert_eq!(lines.find("networks", 0, "name"), Some(3));
        assert_eq!(lines.find("networks", 0, "mtu"), Some(4));
        assert_eq!(lines.find("ports", 0, "fixed_ips[0].ip_address"), Some(9));
        assert_eq!(lines.find("ports", 0, "host"), Some(10));
        assert_eq!(
            lines.find("ports", 0, "mac_address"),
            Some(7),
            "the entry's"
        );
        assert_eq!(lines.find("ports", 1, "host"), Some(11));
        assert_eq!(lines.find("ports", 2, "host"), None);
        let lines = Lines::of(
            "groups:\n- id: a\n  rules:\n  - {x: 1}\n  - x:\n    - 2\n  - x: 3\n- id: b\n",
        );
        assert_eq!(lines.find("groups", 0, "rules[0].x"), Some(4));
        assert_eq!(lines.find("groups", 0, "rules[2].x"), Some(7));
        assert_eq!(lines.find("groups", 0, "rules[9]"), Some(3), "the field's");
        assert_eq!(lines.find("groups", 1, "id"), Some(8));
        let lines = Lines::of("---\nports:\n-\n  id: a\n- id: b\n");
        assert_eq!(lines.find("ports", 0, "id"), Some(4));
        assert_eq!(lines.find("ports", 1, "id"), Some(5));
    }
}
