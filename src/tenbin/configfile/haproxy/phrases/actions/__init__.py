"""What rules do: one parser an action, by family; `table` says which phase knows which."""
