//! Finds the first route whose condition holds.

use crate::{Expr, View};

/// The conditions of a frontend's routes, in order.
#[derive(Debug)]
pub struct Router {
    conditions: Vec<Option<Expr>>,
}

impl Router {
    /// Routes in their order; `None` always holds.
    pub fn new(conditions: Vec<Option<Expr>>) -> Self {
        Self { conditions }
    }

    /// The first route, at `from` or after, whose condition holds.
    pub fn find<V: View + ?Sized>(&self, view: &V, from: usize) -> Option<usize> {
        let holds = |condition: &Option<Expr>| condition.as_ref().is_none_or(|c| c.test(view));
        self.conditions.iter().skip(from).position(holds).map(|found| found + from)
    }

    /// How many routes there are.
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether there is no route at all.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }
}
