"""Training of networks that take music apart into its stems."""
