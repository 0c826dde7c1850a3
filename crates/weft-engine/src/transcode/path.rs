// SPDX-License-Identifier: Apache-2.0
//! Where a walk of a value stands, as the data plane counts places ("index paths", 1.9): a channel is named by it.

use std::fmt::Write as _;

/// The most places that the name of a channel has; what is deeper is refused when the component is loaded.
pub const MAX_PLACES: usize = 12;

/// Fields and members on the way to a value. Without an allocation: every walk has one, and most never look at it.
#[derive(Clone, Copy, Default)]
pub struct Path {
    places: [u32; MAX_PLACES],
    depth: usize,
}

impl Path {
    /// Goes into a field or member; `leave` is to follow.
    #[inline]
    pub fn enter(&mut self, place: usize) {
        if let Some(slot) = self.places.get_mut(self.depth) {
            *slot = place as u32;
        }
        self.depth += 1;
    }

    #[inline]
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    /// As below .params or .results: "1", "0.1". None: it is deeper than a channel can be.
    pub fn name(&self) -> Option<String> {
        let places = self.places.get(..self.depth)?;
        let mut name = String::new();
        for place in places {
            let dot = if name.is_empty() { "" } else { "." };
            // Writing to a String cannot fail.
            let _ = write!(name, "{dot}{place}");
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_places_as_they_are_entered_and_none_too_deep() {
        let mut path = Path::default();
        path.enter(1);
        assert_eq!(path.name().as_deref(), Some("1"));
        path.enter(10);
        path.enter(0);
        assert_eq!(path.name().as_deref(), Some("1.10.0"));
        path.leave();
        assert_eq!(path.name().as_deref(), Some("1.10"));
        for place in 0..100 {
            path.enter(place);
        }
        assert_eq!(path.name(), None);
        for _ in 0..101 {
            path.leave();
        }
        assert_eq!(path.name().as_deref(), Some("1"));
    }
}
