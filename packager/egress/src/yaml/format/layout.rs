//! Where each token belongs.

use crate::diagnostic::Span;
use crate::yaml::tokens::{Kind, Token};
use crate::yaml::tree::{Node, Value};

/// Blanks per level.
pub(super) const STEP: usize = 2;

/// Where a token belongs.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// A key or a dash of a block.
    Of(usize),
    /// A value, if it begins a line.
    IfFirst(usize),
    /// What moves along with what is before it.
    Any,
}

impl Column {
    pub(super) fn number(self) -> Option<usize> {
        match self {
            Column::Of(column) | Column::IfFirst(column) => Some(column),
            Column::Any => None,
        }
    }
}

/// The column of each token.
pub(super) struct Layout<'a> {
    tokens: &'a [Token],
    columns: Vec<Column>,
    at: usize,
}

impl<'a> Layout<'a> {
    /// # Errors
    /// The place that is written in a way that is not known here, such as with `? ` before a key.
    pub(super) fn of(tree: &Node, tokens: &'a [Token]) -> Result<Vec<Column>, Span> {
        let mut layout = Self { tokens, columns: vec![Column::Any; tokens.len()], at: 0 };
        match layout.node(tree, 0) {
            Some(()) => Ok(layout.columns),
            None => Err(tokens.get(layout.at).or(tokens.last()).map_or(tree.span, |token| token.span)),
        }
    }

    /// Whether the node that begins with the next token is a list or mapping without brackets. The place of a node does not say
    /// it: to the parser, a list at the column of its key begins behind its first dash.
    fn is_block(&mut self, node: &Node) -> bool {
        let is_collection = matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        is_collection && !matches!(self.next(), Some(Kind::Mark('[' | '{')))
    }

    fn node(&mut self, node: &Node, column: usize) -> Option<()> {
        let below = column.saturating_add(STEP);
        let is_block = self.is_block(node);
        match &node.value {
            Value::Sequence(items) if is_block => {
                for item in items {
                    self.take(Kind::Mark('-'), Column::Of(column))?;
                    self.node(item, below)?;
                }
            }
            Value::Mapping(entries) if is_block => {
                for entry in entries {
                    self.take(Kind::Scalar, Column::Of(column))?;
                    self.take(Kind::Mark(':'), Column::Any)?;
                    let is_list = matches!(entry.value.value, Value::Sequence(_)) && self.is_block(&entry.value);
                    self.node(&entry.value, if is_list { column } else { below })?;
                }
            }
            // Nothing is written; a block without a line has its head.
            Value::Scalar(scalar) if scalar.plain && node.span.start >= node.span.end => {}
            Value::Scalar(_) => self.take(Kind::Scalar, Column::IfFirst(column))?,
            Value::Sequence(_) | Value::Mapping(_) => self.flow(column)?,
            Value::Refused => return None,
        }
        Some(())
    }

    /// Takes the tokens up to the bracket that closes the next one.
    fn flow(&mut self, column: usize) -> Option<()> {
        let (mut depth, mut column) = (0_usize, Column::IfFirst(column));
        loop {
            match self.next()? {
                Kind::Mark('[' | '{') => depth = depth.saturating_add(1),
                Kind::Mark(']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.place(std::mem::replace(&mut column, Column::Any));
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn take(&mut self, kind: Kind, column: Column) -> Option<()> {
        (self.next()? == kind).then(|| self.place(column))
    }

    /// The kind of the next token that is no comment and no line before the document.
    fn next(&mut self) -> Option<Kind> {
        while matches!(self.tokens.get(self.at)?.kind, Kind::Comment | Kind::Other) {
            self.at = self.at.saturating_add(1);
        }
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn place(&mut self, column: Column) {
        if let Some(of_token) = self.columns.get_mut(self.at) {
            *of_token = column;
        }
        self.at = self.at.saturating_add(1);
    }
}
