//! Which requests a region has, in the words of the files.
//!
//! # Design
//!
//! A region is what a rule of one policy matches and what decides in the other, less what comes first in either. What is said
//! of it is exactly that: whoever reads it must find no request that is not decided so. So the part of the rule, the field that
//! its other version adds, the other policy's rule and the exceptions are each left out only if nothing is missing without.

use super::diff::{Comparison, Near, Pair};
use super::formula::Formula;
use super::lists::{Origin, View, universe};
use super::pieces::Piece;
use super::region::{Exception, Scope};
use super::space::Exhausted;

impl Comparison<'_> {
    /// What there is to say of a region, and what holds for the requests of which it is said. `region` is what holds for its
    /// requests; `before` are the entries that decide first.
    pub(super) fn scope(
        &mut self,
        pair: &Pair<'_>,
        piece: Piece,
        region: &[Formula],
        before: &[Near<'_>],
    ) -> Result<(Scope, Vec<Formula>), Exhausted> {
        let mut scope = Scope::of_no_rule(pair.side, pair.entry.from.clone().into());
        let Some(rule) = piece.rule else { return Ok((scope, region.to_vec())) };
        let rule = self.reduced(pair.side, rule, region)?;
        // What is said so far.
        let mut said = universe(&mut self.space);
        said.push(self.formula_of(pair.side, &rule).unwrap_or_else(|| pair.entry.formula.clone()));
        scope.rule = Some(rule);
        if let Some((holds, field)) = piece.fails
            && self.space.is_possible(&with(&said, &holds))?
        {
            said.push(holds.not());
            scope.fails = Some(field);
        }
        self.other_rules(pair, region, &mut said, &mut scope)?;
        let mut left_out = Vec::new();
        for (_, (side, exception)) in before {
            if !self.space.is_possible(&with(&said, &exception.formula))? {
                continue;
            }
            left_out.push(exception.formula.not());
            let Origin::Rule(id) = &exception.from else { continue };
            let named = Exception::Rule(id.clone(), *side);
            if !scope.except.contains(&named) {
                scope.except.push(named);
            }
        }
        let not_told = Formula::all(self.always.clone());
        if *pair.view == View::IfEnforced && self.space.is_possible(&with(&said, &not_told.not()))? {
            scope.except.push(Exception::InForce);
        }
        // An exception that takes nothing of what many rules decide does no harm, and it takes long to find out.
        if !scope.any_of.is_empty() {
            said.push(Formula::any(pair.others.iter().map(|(_, (_, other))| other.formula.clone())));
        }
        said.extend(left_out);
        said.push(not_told);
        Ok((scope, said))
    }

    /// The part of the rule that decides in the other policy, or the ids of those that do, if they do not match all that is said
    /// so far.
    fn other_rules(
        &mut self,
        pair: &Pair<'_>,
        region: &[Formula],
        said: &mut Vec<Formula>,
        scope: &mut Scope,
    ) -> Result<(), Exhausted> {
        let ids: Vec<&String> = pair.others.iter().filter_map(|(_, (_, other))| other.from.rule()).collect();
        let decides = Formula::any(pair.others.iter().map(|(_, (_, other))| other.formula.clone()));
        let (Some(id), true) = (ids.first(), self.space.is_possible(&with(said, &decides.not()))?) else {
            return Ok(());
        };
        if ids.len() > 1 {
            scope.any_of = ids.into_iter().cloned().collect();
            return Ok(());
        }
        let side = pair.side.other();
        let Some(rule) = self.policy(side).rule(id) else { return Ok(()) };
        let rule = self.part(side, rule.clone(), region)?;
        said.push(self.formula_of(side, &rule).unwrap_or(decides));
        scope.and = Some(rule);
        Ok(())
    }
}

fn with<'f>(said: &'f [Formula], formula: &'f Formula) -> Vec<&'f Formula> {
    said.iter().chain([formula]).collect()
}
