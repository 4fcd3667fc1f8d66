//! What is to be said of the mesh at an instant.

use std::collections::BTreeSet;

use super::Model;

impl Model {
    /// For each node that is up, the smallest index of those it is connected with by links that both sides know and that carry.
    pub(super) fn components(&self) -> Vec<Option<usize>> {
        let mut found = vec![None; self.members.len()];
        for start in 0..self.members.len() {
            if found[start].is_some() || !self.members[start].up {
                continue;
            }
            let mut open = vec![start];
            found[start] = Some(start);
            while let Some(node) = open.pop() {
                for next in &self.members[node].neighbors {
                    if found[*next].is_none() && self.members[*next].neighbors.contains(&node) && self.reaches(node, *next) {
                        found[*next] = Some(start);
                        open.push(*next);
                    }
                }
            }
        }
        found
    }

    /// Links of a node that are not silent.
    pub fn degree(&self, node: usize) -> usize {
        self.members[node].topology.degree()
    }

    /// Whether all who are up are connected.
    pub fn is_connected(&self) -> bool {
        self.components().into_iter().flatten().collect::<BTreeSet<_>>().len() <= 1
    }

    /// What is wrong with the mesh, if anything is.
    pub fn faults(&self) -> Vec<String> {
        let up: Vec<usize> = (0..self.members.len()).filter(|node| self.members[*node].up).collect();
        let mut faults = Vec::new();
        let components: BTreeSet<_> = self.components().into_iter().flatten().collect();
        if components.len() > 1 {
            faults.push(format!("{} components", components.len()));
        }
        let least = self.config.min_degree.min(up.len().saturating_sub(1));
        for node in up {
            let member = &self.members[node];
            let ids: BTreeSet<usize> =
                member.topology.links.iter().map(|link| self.members.iter().position(|m| m.me.id == link.id).expect("a node")).collect();
            assert_eq!(ids, member.neighbors, "what is told is what is");
            if !(least..=self.config.max_degree).contains(&member.neighbors.len()) {
                faults.push(format!("node {node} has {:?}", member.neighbors));
            }
            for other in &member.neighbors {
                if !self.members[*other].neighbors.contains(&node) {
                    faults.push(format!("{node} has a link with {other}, which knows nothing of it"));
                }
            }
        }
        faults
    }

    /// Most sessions of a node.
    pub fn most_sessions(&self) -> usize {
        let count = |node: usize| self.sessions.keys().filter(|(a, b)| *a == node || *b == node).count();
        (0..self.members.len()).filter(|node| self.members[*node].up).map(count).max().unwrap_or(0)
    }
}
