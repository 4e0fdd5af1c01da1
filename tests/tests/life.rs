//! The benchmark of ordinary life, as far as there is time for it here: the small shop with one seed.

use stack::life::judge::judge;
use stack::life::shop::{Kind, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn in_a_month_of_the_small_shop_no_page_is_false_and_every_incident_is_told() -> anyhow::Result<()> {
    let outcomes = judge(&Shop::new(Kind::Small, 1), None).await?;
    let ours = outcomes.first().ok_or_else(|| anyhow::anyhow!("nothing was judged"))?;
    println!("{}\n{ours}", ours.row());
    assert_eq!(ours.false_pages, Vec::<String>::new());
    assert_eq!(ours.untold(), Vec::<&str>::new());
    assert!(ours.incidents.len() >= 30, "{}", ours.incidents.len());
    // A page was wanted: a page it was.
    let unpaged: Vec<&str> = ours.incidents.iter().filter(|told| told.wants_page && told.pages == 0).map(|told| &*told.what).collect();
    assert_eq!(unpaged, Vec::<&str>::new());
    let most = 2.0 * ours.weeks;
    assert!(ours.false_messages.len() as f64 <= most, "{:?}", ours.false_messages);
    Ok(())
}
