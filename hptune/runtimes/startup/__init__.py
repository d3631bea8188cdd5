"""What is put into a managed environment: modules that need nothing of hptune, under names of their own."""
