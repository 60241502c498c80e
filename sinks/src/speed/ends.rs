//! What the writer reads of a binding: whether it is a cut, and how far it goes into each partition.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Whether the tick is a cut. At a cut every group moves on, so that a checkpoint's positions are its tick.
pub(super) fn is_cut(binding: &str) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        is_cut: bool,
    }
    serde_json::from_str::<Head>(binding).is_ok_and(|head| head.is_cut)
}

/// The largest end of each partition over some bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends(BTreeMap<(String, String), i64>);

impl Ends {
    /// Of bindings as JSON. What cannot be read binds nothing.
    pub fn of<'a>(bindings: impl IntoIterator<Item = &'a str>) -> Self {
        #[derive(Deserialize)]
        struct Part {
            topic: String,
            partition: String,
            end: i64,
        }
        #[derive(Deserialize)]
        struct Body {
            #[serde(default)]
            partitions: Vec<Part>,
        }
        let mut ends = Self::default();
        for binding in bindings {
            let Ok(body) = serde_json::from_str::<Body>(binding) else { continue };
            for Part { topic, partition, end } in body.partitions {
                let largest = ends.0.entry((topic, partition)).or_insert(end);
                *largest = end.max(*largest);
            }
        }
        ends
    }

    /// Whether a reader of `own` has everything that a reader of these has.
    pub fn are_within(&self, own: &Self) -> bool {
        self.0.iter().all(|(partition, end)| own.0.get(partition).is_some_and(|reached| reached >= end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(ends: &[(&str, i64)]) -> String {
        let part = |(name, end): &(&str, i64)| format!(r#"{{"topic":"gps","partition":"{name}","end":{end},"x":[]}}"#);
        format!(r#"{{"tick":1,"partitions":[{}]}}"#, ends.iter().map(part).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn the_largest_end_of_each_partition_counts() {
        let [first, second] = [binding(&[("0", 5), ("1", 9)]), binding(&[("0", 8)])];
        let discarded = Ends::of([first.as_str(), &second, "no json"]);
        let reached = |own: String| discarded.are_within(&Ends::of([own.as_str()]));
        assert!(!reached(binding(&[("0", 8)])));
        assert!(!reached(binding(&[("0", 7), ("1", 9)])));
        assert!(reached(binding(&[("0", 8), ("1", 9), ("2", 0)])));
    }

    #[test]
    fn a_cut_says_so() {
        assert!(is_cut(r#"{"tick":3,"is_cut":true,"partitions":[]}"#));
        assert!(!is_cut(r#"{"tick":3,"is_cut":false}"#));
        assert!(!is_cut("{}") && !is_cut(""));
    }
}
