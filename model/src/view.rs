//! A view's rows and their wire form: one description that the speed layer, the lake and later the readers all use.

use std::{fmt::Debug, hash::Hash, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a column of a lake table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Double,
    Bigint,
    /// Given in milliseconds since 1970 UTC; written in microseconds.
    Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Part of the key: never null, and the table is sorted by it.
    pub key: bool,
}

/// One value of a row, in the order of the columns. NaN and `None` are null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Text(&'a str),
    Double(f64),
    Bigint(i64),
    Timestamp(i64),
}

impl<'a> Cell<'a> {
    /// Empty text is null.
    pub fn text(text: &'a str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

/// Takes a row's cells one after the other: an Arrow builder, a JSON writer.
pub trait Cells {
    fn cell(&mut self, cell: Cell<'_>);
}

/// What is fixed about a view.
#[derive(Debug, PartialEq, Eq)]
pub struct ViewSpec {
    pub name: &'static str,
    /// Key columns first, then value columns.
    pub columns: &'static [Column],
    pub current: Current,
}

/// Where the speed layer keeps the current value of each key. The feed carries every view but those of an older system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// Strings of contract JSON in db 0 under this prefix, e.g. `vehicle:location:`.
    Contract(&'static str),
    /// The same for readers of an older system: strings in db 0 under this prefix, in no table and not in the feed.
    Compatibility(&'static str),
    /// Strings of our own JSON (all columns) in the second db, under `<view>:`.
    Own,
    /// Nowhere: too many keys that nobody asks for by name (windows of the past). The feed carries a value once it is
    /// final, and each correction after that.
    FeedOnly,
}

impl Current {
    /// What stands before the keys of db 0.
    pub fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Contract(prefix) | Self::Compatibility(prefix) => Some(prefix),
            Self::Own | Self::FeedOnly => None,
        }
    }

    pub fn is_compatibility(self) -> bool {
        matches!(self, Self::Compatibility(_))
    }
}

/// A row of a view: how it is keyed, when it is final, when it leaves, how it is written.
pub trait ViewRow: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    const SPEC: ViewSpec;
    type Key: Clone + Eq + Ord + Hash + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The key's text as it stands in a Redis key or feed entry; parts joined by `/`.
    fn key_text(key: &Self::Key, out: &mut String);
    /// The watermark from which the value counts as final; `None` for views without windows.
    fn final_at_ms(_key: &Self::Key) -> Option<i64> {
        None
    }
    /// Absolute expiry in the speed layer.
    fn expires_ms(&self) -> Option<i64> {
        None
    }
    /// Key and value columns, in the order of `SPEC.columns`. A removed row has no value: `None` writes nulls.
    fn cells(key: &Self::Key, value: Option<&Self>, out: &mut dyn Cells);
    /// The JSON a contract reader finds under the Redis key. Only called where
    /// [`Current::prefix`] says what stands before that.
    fn contract_json(&self, key: &Self::Key, out: &mut Vec<u8>);
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change<V> {
    Set(V),
    /// The thing is gone.
    Remove,
    /// Its state was freed; the last value stands until it expires.
    Retire,
}

/// One change of a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta<V: ViewRow> {
    pub key: V::Key,
    pub change: Change<V>,
    pub revision: u32,
    pub is_final: bool,
}

/// A batch of deltas of any one view, as sinks see it.
pub trait Deltas: Send + Sync + Debug {
    fn spec(&self) -> &'static ViewSpec;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    fn key_text(&self, row: usize, out: &mut String);
    /// `Set(())`, `Remove` or `Retire`.
    fn change(&self, row: usize) -> Change<()>;
    fn revision(&self, row: usize) -> u32;
    fn is_final(&self, row: usize) -> bool;
    fn expires_ms(&self, row: usize) -> Option<i64>;
    /// Key and value columns; value columns are null where the row is not set.
    fn cells(&self, row: usize, out: &mut dyn Cells);
    /// The set value alone, to be kept by a speed layer and written later.
    fn stored(&self, row: usize) -> Option<Arc<dyn StoredValue>>;
}

/// A value kept by the embedded speed layer.
pub trait StoredValue: Send + Sync + Debug {
    fn contract_json(&self, out: &mut Vec<u8>);
    fn cells(&self, out: &mut dyn Cells);
}

#[derive(Debug)]
struct Stored<V: ViewRow>(V::Key, V);

impl<V: ViewRow> StoredValue for Stored<V> {
    fn contract_json(&self, out: &mut Vec<u8>) {
        self.1.contract_json(&self.0, out);
    }
    fn cells(&self, out: &mut dyn Cells) {
        V::cells(&self.0, Some(&self.1), out);
    }
}

struct SpecOf<V>(std::marker::PhantomData<V>);
impl<V: ViewRow> SpecOf<V> {
    const SPEC: &'static ViewSpec = &V::SPEC;
}

impl<V: ViewRow> Deltas for Vec<Delta<V>> {
    fn spec(&self) -> &'static ViewSpec {
        SpecOf::<V>::SPEC
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn key_text(&self, row: usize, out: &mut String) {
        V::key_text(&self[row].key, out);
    }
    fn change(&self, row: usize) -> Change<()> {
        match self[row].change {
            Change::Set(_) => Change::Set(()),
            Change::Remove => Change::Remove,
            Change::Retire => Change::Retire,
        }
    }
    fn revision(&self, row: usize) -> u32 {
        self[row].revision
    }
    fn is_final(&self, row: usize) -> bool {
        self[row].is_final
    }
    fn expires_ms(&self, row: usize) -> Option<i64> {
        match &self[row].change {
            Change::Set(value) => value.expires_ms(),
            Change::Remove | Change::Retire => None,
        }
    }
    fn cells(&self, row: usize, out: &mut dyn Cells) {
        let delta = &self[row];
        let value = match &delta.change {
            Change::Set(value) => Some(value),
            Change::Remove | Change::Retire => None,
        };
        V::cells(&delta.key, value, out);
    }
    fn stored(&self, row: usize) -> Option<Arc<dyn StoredValue>> {
        match &self[row].change {
            Change::Set(value) => Some(Arc::new(Stored::<V>(self[row].key.clone(), value.clone()))),
            Change::Remove | Change::Retire => None,
        }
    }
}
