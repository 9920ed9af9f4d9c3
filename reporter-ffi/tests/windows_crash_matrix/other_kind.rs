//! Programs of 32 and of 64 bits beside each other: a handler serves those of its own kind.

use crate::shared::{Kind, says_with_the_handler_of};

#[test]
fn a_product_with_a_handler_of_the_other_kind_is_told_so_both_ways() {
    let said = [(Kind::These, Kind::Others), (Kind::Others, Kind::These)].map(|(product, handler)| {
        let said = says_with_the_handler_of(product, handler);
        let told = said.lines().find_map(|line| line.strip_prefix("no reporter: ")).unwrap_or_default().to_owned();
        assert!(told.contains("install the handler of the product's kind beside it"), "{said}");
        told
    });
    for bits in ["the product has 32 bits, this handler 64", "the product has 64 bits, this handler 32"] {
        assert!(said.iter().any(|told| told.contains(bits)), "{said:?}");
    }
}
