"""What the end-to-end tests share: real programs, the function being served, a control plane made of both."""
