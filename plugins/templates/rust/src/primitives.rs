//! What scripts can call.

ceralacca_plugin_sdk::primitives! {
    /// Greetings.
    namespace {{name_with_underscores}};

    /// Greets somebody by name.
    ///
    /// ```rhai
    /// let text = {{name_with_underscores}}::greet("Ada");
    /// ```
    function greet(name: String) -> String
        [since "0.1.0", recorded, touches()] = crate::greet;
}
