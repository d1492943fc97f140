//! Variables of rules, by scope: a few of each, found by comparing numbers.

use parking_lot::RwLock;
use tenbin_rules::{Scope, Value, Variable};

/// Bytes that the variables of one scope may hold; further texts are not kept.
const MOST_BYTES: usize = 64 * 1024;

/// Variables of a request or a connection.
#[derive(Debug, Default)]
pub struct Variables {
    list: Vec<(Variable, Value<'static>)>,
    bytes: usize,
}

impl Variables {
    /// The value; absent when it was never set.
    pub fn get(&self, which: &Variable) -> Value<'_> {
        let found = self.list.iter().find(|(known, _)| known == which);
        found.map_or(Value::Absent, |(_, value)| value.borrowed())
    }

    /// Sets it; an absent value changes nothing, as one that would take too much memory.
    pub fn set(&mut self, which: Variable, value: Value<'static>) {
        if value == Value::Absent {
            return;
        }
        self.unset(which);
        let size = size_of_value(&value);
        if self.bytes + size <= MOST_BYTES {
            self.bytes += size;
            self.list.push((which, value));
        }
    }

    /// Forgets it.
    pub fn unset(&mut self, which: Variable) {
        if let Some(at) = self.list.iter().position(|(known, _)| *known == which) {
            let (_, value) = self.list.swap_remove(at);
            self.bytes -= size_of_value(&value);
        }
    }

    /// Forgets those of a scope.
    pub fn end(&mut self, scope: Scope) {
        self.list.retain(|(which, _)| which.scope != scope);
        self.bytes = self.list.iter().map(|(_, value)| size_of_value(value)).sum();
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.list.clear();
        self.bytes = 0;
    }
}

fn size_of_value(value: &Value<'_>) -> usize {
    size_of::<(Variable, Value<'static>)>() + value.as_bytes().map_or(0, <[u8]>::len)
}

/// Variables of the process, shared by its threads.
#[derive(Debug, Default)]
pub struct ProcessVariables {
    inner: RwLock<Variables>,
}

impl ProcessVariables {
    /// The value; absent when it was never set.
    pub fn get(&self, key: u64) -> Value<'static> {
        self.inner.read().get(&Variable { scope: Scope::Process, key }).into_owned()
    }

    /// Sets it.
    pub fn set(&self, key: u64, value: Value<'static>) {
        self.inner.write().set(Variable { scope: Scope::Process, key }, value);
    }

    /// Forgets it.
    pub fn unset(&self, key: u64) {
        self.inner.write().unset(Variable { scope: Scope::Process, key });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Variable {
        Variable::named(text).unwrap()
    }

    #[test]
    fn scopes_end_apart() {
        let mut variables = Variables::default();
        variables.set(named("txn.a"), Value::Int(1));
        variables.set(named("req.a"), Value::Int(2));
        variables.set(named("txn.a"), Value::Int(3));
        assert_eq!(
            (variables.get(&named("txn.a")), variables.get(&named("req.a"))),
            (Value::Int(3), Value::Int(2))
        );
        variables.end(Scope::Request);
        assert_eq!(variables.get(&named("req.a")), Value::Absent);
        variables.unset(named("txn.a"));
        assert_eq!(variables.get(&named("txn.a")), Value::Absent);
    }

    #[test]
    fn memory_is_bounded() {
        let mut variables = Variables::default();
        for number in 0..100 {
            variables.set(named(&format!("txn.v{number}")), Value::Str(vec![b'x'; 4096].into()));
        }
        assert!(variables.bytes <= MOST_BYTES && variables.list.len() < 20);
    }
}
