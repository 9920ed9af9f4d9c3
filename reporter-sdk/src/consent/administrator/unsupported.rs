//! Where administrators lay down policies is not decided: until it is, nothing goes out.

use report_format::schema::v1::SoftError;

use super::{Places, Stated, soft_error};

pub(super) fn read(_vendor: &str, _product: &str, soft_errors: &mut Vec<SoftError>) -> Places {
    soft_errors.push(soft_error("the policy of this machine's administrator cannot be read on this system".into()));
    Places { of_all: Stated::unclear(), of_product: Stated::default() }
}
