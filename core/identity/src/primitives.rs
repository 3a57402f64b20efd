//! What scripts can call in the namespace `identity`.

use ceralacca_kernel::{Call, Error};

use crate::Account;

ceralacca_kernel::primitives! {
    /// Who a workflow acts for.
    namespace identity;

    /// An account with the Agency: a map with `codice_fiscale` and `sede`, both checked.
    ///
    /// ```rhai
    /// let account = identity::account("RSSMRA85M01H501Q", "000");
    /// ```
    function account(codice_fiscale: String, sede: String) -> Account
        [since "0.1.0", pure, touches()] = account;
}

fn account(_: &mut Call<'_>, codice_fiscale: String, sede: String) -> Result<Account, Error> {
    Ok(Account::parse(&codice_fiscale, &sede)?)
}
