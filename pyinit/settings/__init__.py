"""What was asked of us: options, variables, the words of other inits, and what there is to say of them."""
