//! The rows of the picture's columns: nodes, and groups that stand for many.

/// A column with more nodes than this shows groups in place of their nodes. The page begins so, too.
pub(super) const MOST_NODES: usize = 40;

/// One row of a column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'m> {
    /// The name of the group of the nodes that follow, if there are several.
    Head(&'m str),
    /// A node by its index.
    Node(usize),
    /// A node below the name of its group.
    Member(usize),
    /// A group with its nodes.
    Group(&'m str, Vec<usize>),
}

/// The rows of nodes that are in order; `groups`: that of each.
pub(super) fn rows<'m>(groups: &[&'m str]) -> Vec<Row<'m>> {
    let mut rows = Vec::new();
    let is_folded = groups.len() > MOST_NODES;
    let mut start = 0_usize;
    for members in groups.chunk_by(|one, two| one == two) {
        let nodes: Vec<usize> = (start..start.saturating_add(members.len())).collect();
        start = start.saturating_add(members.len());
        let Some(group) = members.first() else { continue };
        match nodes.as_slice() {
            [_] => rows.extend(nodes.into_iter().map(Row::Node)),
            _ if is_folded => rows.push(Row::Group(group, nodes)),
            _ => {
                rows.push(Row::Head(group));
                rows.extend(nodes.into_iter().map(Row::Member));
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_nodes_are_folded() {
        assert_eq!(rows(&["a", "a", "b"]), [Row::Head("a"), Row::Member(0), Row::Member(1), Row::Node(2)]);
        let mut many = vec!["a"; MOST_NODES];
        many.push("b");
        let folded = rows(&many);
        assert!(matches!(folded.as_slice(), [Row::Group("a", _), Row::Node(40)]), "{folded:?}");
    }
}
