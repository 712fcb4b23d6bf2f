"""What tests of several folders share: servers to talk to, both clients by parameter, facts of the official SDK."""
