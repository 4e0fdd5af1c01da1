//! One test for each major version of PostgreSQL.

/// Defines a test for each of some major versions of PostgreSQL, which calls `$function` with the version. `$present`
/// is the flag of the build script that says whether this machine has what the tests need.
#[macro_export]
macro_rules! test_on_majors {
    ($function:ident, $present:ident, $missing:literal, $(fn $name:ident() on $major:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[cfg_attr(not($present), ignore = $missing)]
        async fn $name() -> anyhow::Result<()> {
            $function($major).await
        }
    )+};
}
