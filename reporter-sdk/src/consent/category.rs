//! Sets of consent categories.

use std::fmt;

use report_format::schema::v1::Category;

/// What may be in a report: a set of [`Category`] values that always holds [`Category::Essential`], since a report without it
/// would say nothing. [`Category::Unspecified`] is never in it, so what was filed under no category is never sent.
///
/// ```
/// use report_format::schema::v1::Category;
/// use reporter_sdk::consent::CategorySet;
///
/// let set = CategorySet::from_iter([Category::Actions, Category::Unspecified]);
/// assert!(set.contains(Category::Actions) && set.contains(Category::Essential));
/// assert!(!set.contains(Category::Unspecified) && !set.contains(Category::Screen));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CategorySet(u64);

const ESSENTIAL: u64 = 1 << Category::Essential as u32;

impl CategorySet {
    /// Every category there is, in the order in which it is shown.
    pub const EVERY: [Category; 14] = [
        Category::Essential,
        Category::Actions,
        Category::Memory,
        Category::FullMemory,
        Category::Processes,
        Category::System,
        Category::Account,
        Category::Network,
        Category::InstalledSoftware,
        Category::Devices,
        Category::Screen,
        Category::Contact,
        Category::Product,
        Category::Attachments,
    ];

    /// The smallest set: what a report cannot do without.
    pub const fn essential() -> Self {
        CategorySet(ESSENTIAL)
    }

    /// What is sent if a person leaves the choice as it is: everything but an image of the desktop and full memory, which are off until
    /// chosen.
    pub fn preselected() -> Self {
        Self::all().without(Category::Screen).without(Category::FullMemory)
    }

    /// Every category.
    pub fn all() -> Self {
        Self::EVERY.into_iter().collect()
    }

    /// The set with these bits, bit n for category n. Bits of unknown categories are dropped.
    pub fn from_bits(bits: u64) -> Self {
        Self::EVERY.into_iter().filter(|category| bits & bit(*category) != 0).collect()
    }

    /// Bit n for category n, as `Summary.categories` has it.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// True where `category` is in the set.
    pub const fn contains(self, category: Category) -> bool {
        self.0 & bit(category) != 0
    }

    /// The set with `category`.
    #[must_use]
    pub const fn with(self, category: Category) -> Self {
        CategorySet(self.0 | bit(category))
    }

    /// The set without `category`. Essential stays.
    #[must_use]
    pub const fn without(self, category: Category) -> Self {
        CategorySet(self.0 & !bit(category) | ESSENTIAL)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: CategorySet) -> Self {
        CategorySet(self.0 & other.0)
    }

    /// What is in either set.
    #[must_use]
    pub const fn or(self, other: CategorySet) -> Self {
        CategorySet(self.0 | other.0)
    }

    /// What is in this set and not in `other`. Essential stays.
    #[must_use]
    pub const fn minus(self, other: CategorySet) -> Self {
        CategorySet(self.0 & !other.0 | ESSENTIAL)
    }

    /// True where everything in this set is in `other` too.
    pub const fn is_subset_of(self, other: CategorySet) -> bool {
        self.0 & !other.0 == 0
    }

    /// The categories in the set, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Self::EVERY.into_iter().filter(move |category| self.contains(*category))
    }
}

const fn bit(category: Category) -> u64 {
    match category {
        Category::Unspecified => 0,
        category => 1 << category as u32,
    }
}

impl FromIterator<Category> for CategorySet {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        categories.into_iter().fold(Self::essential(), Self::with)
    }
}

impl fmt::Debug for CategorySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a category is called on its switch, for a person.
pub fn category_title(category: Category) -> &'static str {
    match category {
        Category::Unspecified => "unknown",
        Category::Essential => "What went wrong, in which product; your decision",
        Category::Actions => "What you did with the program last",
        Category::Memory => "Parts of the program's memory, and the libraries in it",
        Category::FullMemory => "ALL of the program's memory",
        Category::Processes => "Running applications, services and drivers",
        Category::System => "Operating system, language, processor, volumes",
        Category::Account => "Your user account's name",
        Category::Network => "Names of your computer and network",
        Category::InstalledSoftware => "Installed programs and services",
        Category::Devices => "Network cards, printers and displays",
        Category::Screen => "An image of your desktop",
        Category::Contact => "What you enter here",
        Category::Product => "Facts that the program adds",
        Category::Attachments => "Files that the program attaches",
    }
}

/// The category's name in policy files: `screen`, `full_memory`.
pub fn category_name(category: Category) -> String {
    category.as_str_name().trim_start_matches("CATEGORY_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_the_schema_is_in_the_full_set() {
        let known: Vec<i32> = (1..64).filter(|number| Category::try_from(*number).is_ok()).collect();
        let listed: Vec<i32> = CategorySet::all().iter().map(|category| category as i32).collect();
        assert_eq!(known, listed, "a category was added to the schema and not to CategorySet::EVERY");
    }

    #[test]
    fn essential_cannot_be_taken_out_and_unspecified_cannot_be_put_in() {
        let set = CategorySet::all().without(Category::Essential).minus(CategorySet::all());
        assert_eq!(set, CategorySet::essential());
        assert_eq!(CategorySet::from_bits(1).with(Category::Unspecified), CategorySet::essential());
        assert_eq!(CategorySet::from_bits(u64::MAX), CategorySet::all());
    }

    #[test]
    fn names_are_those_of_policy_files() {
        assert_eq!(category_name(Category::InstalledSoftware), "installed_software");
    }
}
