//! Two edits that began from the same: who changed what, and what shall stand.

/// Who changed a thing since both edits began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Both have the same.
    Same,
    OnlyYours,
    OnlyTheirs,
    /// Both, differently.
    Both,
}

/// Whose version shall stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Yours,
    Theirs,
}

impl Mark {
    pub fn of<T: PartialEq>(began: &T, yours: &T, theirs: &T) -> Self {
        match (yours == theirs, yours == began, theirs == began) {
            (true, _, _) => Self::Same,
            (false, true, _) => Self::OnlyTheirs,
            (false, false, true) => Self::OnlyYours,
            (false, false, false) => Self::Both,
        }
    }

    /// Whose version stands unless somebody chooses; none where somebody must.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Same | Self::OnlyTheirs => Some(Side::Theirs),
            Self::OnlyYours => Some(Side::Yours),
            Self::Both => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(began: u8, yours: u8, theirs: u8) -> Option<u8> {
        let side = Mark::of(&began, &yours, &theirs).side()?;
        Some(match side {
            Side::Yours => yours,
            Side::Theirs => theirs,
        })
    }

    proptest! {
        // Few values, so that they often meet.
        #[test]
        fn a_lone_change_stands_and_two_different_ones_wait_for_a_person(
            began in 0..3_u8, yours in 0..3_u8, theirs in 0..3_u8,
        ) {
            match merged(began, yours, theirs) {
                Some(value) => {
                    for side in [yours, theirs] {
                        prop_assert!(side == began || side == value, "a change is lost");
                    }
                    prop_assert!(value == yours || value == theirs, "nobody wanted that");
                }
                None => {
                    prop_assert!(yours != began && theirs != began && yours != theirs);
                }
            }
        }

        #[test]
        fn whoever_looks_the_same_comes_of_it(began in 0..3_u8, yours in 0..3_u8, theirs in 0..3_u8) {
            prop_assert_eq!(merged(began, yours, theirs), merged(began, theirs, yours));
        }

        #[test]
        fn where_nothing_changed_meanwhile_the_edit_stands(began in 0..3_u8, yours in 0..3_u8) {
            prop_assert_eq!(merged(began, yours, began), Some(yours));
        }
    }
}
