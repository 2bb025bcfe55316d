"""Search for hyper-parameters: the whale optimiser, `minimize`, and `WOASearchCV`."""
