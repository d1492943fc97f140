//! Live lists as the control plane reads and changes them. What is looked up in them meanwhile sees either state.

use tenbin_rules::{List, Which};

use crate::tables::Tables;
use crate::wire::{ListAction, ListAsked, Reply};

/// Does what is asked; a name or an entry that is not there is told by `found`.
pub fn list(asked: ListAsked, tables: Option<&Tables>) -> Reply {
    let id = asked.id;
    let Some(held) = tables.and_then(|tables| tables.lists.get(&asked.name)) else {
        return Reply::Entries { id, ok: true, found: false, count: 0, entries: Vec::new() };
    };
    let action = asked.action;
    let found = change(&held.list, asked);
    let entries = match action {
        ListAction::Show => {
            let all = held.list.all().into_iter();
            all.map(|entry| (entry.id, entry.key.to_string(), entry.value.to_string())).collect()
        }
        _ => Vec::new(),
    };
    Reply::Entries { id, ok: true, found, count: held.list.len(), entries }
}

fn change(list: &List, asked: ListAsked) -> bool {
    let which = if asked.entry > 0 { Which::Id(asked.entry) } else { Which::Key(&asked.key) };
    match asked.action {
        ListAction::Count | ListAction::Show => true,
        ListAction::Add => {
            list.add(&asked.key, &asked.value);
            true
        }
        ListAction::Set => list.alter(which, &asked.value),
        ListAction::Del => list.remove(which),
        ListAction::Clear => {
            list.clear();
            true
        }
        ListAction::Replace => {
            list.replace(asked.entries);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(action: ListAction, key: &str, value: &str) -> ListAsked {
        let (key, value) = (key.to_owned(), value.to_owned());
        ListAsked { id: 1, name: "m".into(), action, key, value, entry: 0, entries: Vec::new() }
    }

    #[test]
    fn entries_come_change_and_go() {
        let list = List::new(vec![("a".into(), "1".into())]);
        assert!(change(&list, asked(ListAction::Add, "b", "2")));
        assert!(change(&list, asked(ListAction::Set, "b", "3")));
        assert!(!change(&list, asked(ListAction::Set, "z", "3")));
        assert_eq!(list.exactly(b"b").as_deref(), Some("3"));
        let first = list.all().first().map_or(0, |entry| entry.id);
        assert!(change(&list, ListAsked { entry: first, ..asked(ListAction::Del, "", "") }));
        assert!(!change(&list, asked(ListAction::Del, "a", "")));
        assert!(change(&list, asked(ListAction::Clear, "", "")) && list.is_empty());
    }
}
