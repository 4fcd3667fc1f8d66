//! The rules of a network that a node founds, and the topics that it joins.

use super::values::ValueError;
use crate::mesh::topics::{LOBBY, TopicError, is_name};
use crate::wire::admission::{PastRule, RevocationRule};

/// Who may revoke: `any`, `sponsors`, or so many members together.
///
/// # Errors
/// It is none of them.
pub fn revocation(text: &str) -> Result<RevocationRule, ValueError> {
    match text {
        "any" => Ok(RevocationRule::AnyMember),
        "sponsors" => Ok(RevocationRule::Sponsors),
        number => match number.parse() {
            Ok(1) => Ok(RevocationRule::AnyMember),
            Ok(count @ 2..) => Ok(RevocationRule::Quorum(count)),
            _ => Err(ValueError::Revocation(text.to_owned())),
        },
    }
}

/// What newcomers may read: `all`, `none`, or the last so many texts of each topic.
///
/// # Errors
/// It is none of them.
pub fn past(text: &str) -> Result<PastRule, ValueError> {
    match text {
        "all" => Ok(PastRule::All),
        "none" => Ok(PastRule::Nothing),
        number => match number.parse() {
            Ok(0) => Ok(PastRule::Nothing),
            Ok(count) => Ok(PastRule::Last(count)),
            Err(_) => Err(ValueError::Past(text.to_owned())),
        },
    }
}

/// A topic to join.
///
/// # Errors
/// It cannot be called so, or all belong to it anyway.
pub fn topic(text: &str) -> Result<String, ValueError> {
    if text == LOBBY {
        return Err(ValueError::Lobby);
    }
    is_name(text).then(|| text.to_owned()).ok_or(ValueError::Topic(TopicError::BadName))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_words_or_numbers() {
        assert_eq!(revocation("any"), Ok(RevocationRule::AnyMember));
        assert_eq!(revocation("1"), Ok(RevocationRule::AnyMember));
        assert_eq!(revocation("3"), Ok(RevocationRule::Quorum(3)));
        assert_eq!(past("none"), Ok(PastRule::Nothing));
        assert_eq!(past("100"), Ok(PastRule::Last(100)));
        for nonsense in ["", "0", "some", "-1", "256"] {
            assert!(revocation(nonsense).unwrap_err().to_string().contains("`any`, `sponsors`"), "{nonsense}");
        }
        assert!(past("some").unwrap_err().to_string().contains("`all`, `none`"));
        assert!(topic("two words").is_err() && topic("lobby").is_err() && topic("tech").is_ok());
    }
}
