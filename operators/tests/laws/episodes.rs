//! The slow twin of alerts: every episode there ever was, walked through anew for each question.

use std::collections::BTreeMap;

use greenwave_model::Name;
use greenwave_model::views::{Alert, Rule};

use super::twins::Times;

#[derive(Default)]
pub struct EpisodesTwin {
    pub rules: Vec<Rule>,
    /// In the order of their opening.
    ever: Vec<(Name, Alert)>,
}

impl EpisodesTwin {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, ever: Vec::new() }
    }

    /// Episodes that stand at a cut at which these are the values, by place of the rule and subject.
    pub fn cut(&mut self, values: &BTreeMap<(u16, Name), f64>, times: Times) -> BTreeMap<Name, Alert> {
        for (_, alert) in self.ever.iter_mut().filter(|(_, alert)| alert.cleared_ms.is_none()) {
            let rule = self.rules.iter().position(|rule| rule.name == alert.rule).expect("of a rule") as u16;
            let now = values.get(&(rule, alert.subject.clone())).copied().filter(|value| *value >= alert.threshold);
            alert.value = now;
            if now.is_none() {
                alert.cleared_ms = Some(times.now_ms);
            }
        }
        for ((place, subject), value) in values {
            let rule = &self.rules[usize::from(*place)];
            if *value < rule.at_least {
                continue;
            }
            let of_subject = |alert: &Alert| alert.rule == rule.name && alert.subject == *subject;
            match self.ever.iter_mut().rev().find(|(_, alert)| of_subject(alert)).map(|(_, alert)| alert) {
                Some(last) if last.cleared_ms.is_none_or(|at| !times.expired(at + 300_000)) => {
                    (last.value, last.cleared_ms) = (Some(*value), None);
                }
                _ => {
                    let key = format!("{}/{subject}/{}", rule.name, times.cut_now_ms.unwrap_or(0));
                    let alert = Alert {
                        rule: rule.name.clone(),
                        subject: subject.clone(),
                        severity: rule.severity,
                        value: Some(*value),
                        threshold: rule.at_least,
                        opened_ms: times.now_ms,
                        cleared_ms: None,
                    };
                    self.ever.push((key.into(), alert));
                }
            }
        }
        let stands = |alert: &Alert| alert.cleared_ms.is_none_or(|at| !times.expired(at + 3_600_000));
        self.ever.iter().filter(|(_, alert)| stands(alert)).cloned().collect()
    }
}
