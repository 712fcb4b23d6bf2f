"""Money and work in the sandbox: the ledger, orders and jobs over time, webhook deliveries."""
