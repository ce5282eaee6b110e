//! Tables: a head in capitals, columns as wide as they must be, two blanks between.

use super::Paint;

/// Rows under a head.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// Text in a table, and how it is coloured.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: fn(Paint, &str) -> String,
}

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The text; `empty` if there are no rows.
    pub(crate) fn render(&self, paint: Paint, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{empty}\n");
        }
        let head: Vec<Cell> = self
            .head
            .iter()
            .map(|name| Cell::styled(*name, Paint::bold))
            .collect();
        let rows: Vec<&[Cell]> = std::iter::once(head.as_slice())
            .chain(self.rows.iter().map(Vec::as_slice))
            .collect();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(Cell::width)
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        for row in rows {
            let mut blanks = 0;
            for (cell, width) in row.iter().zip(&widths) {
                // Blanks come before the next text, never at the end of a line.
                if cell.text.is_empty() {
                    blanks += width + 2;
                } else {
                    text.extend(std::iter::repeat_n(' ', blanks));
                    text.push_str(&(cell.style)(paint, &cell.text));
                    blanks = width - cell.width() + 2;
                }
            }
            text.push('\n');
        }
        text
    }
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: fn(Paint, &str) -> String) -> Self {
        // What breaks lines would break the table.
        let text = text.into().replace(['\n', '\r', '\t'], " ");
        Self { text, style }
    }

    /// The word for how far something has come, in its colour.
    pub(crate) fn status(word: &str) -> Self {
        let style = match word {
            "effective" | "ok" => |p: Paint, text: &str| p.green(text),
            "failed" | "failure" | "no" => |p: Paint, text: &str| p.red(text),
            _ => |p: Paint, text: &str| p.yellow(text),
        };
        Self::styled(word, style)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text.to_string(), |_, text| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_end() {
        let mut table = Table::new(&["PORT", "STATUS", "REASON"]);
        table.row(["web-1".into(), Cell::status("effective"), "".into()]);
        table.row([
            "a-longer-name".into(),
            Cell::status("failed"),
            "länger\nthan a line".into(),
        ]);
        assert_eq!(
            table.render(Paint::OFF, "nothing"),
            "PORT           STATUS     REASON\n\
             web-1          effective\n\
             a-longer-name  failed     länger than a line\n"
        );
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(
            Table::new(&["PORT"]).render(Paint::OFF, "no ports"),
            "no ports\n"
        );
    }
}
