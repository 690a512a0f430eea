"""The two built-in checks as PromQL, one short module a provider family."""
