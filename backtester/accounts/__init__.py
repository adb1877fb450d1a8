"""Who asks: accounts, the sessions they log in with, their scripts' tokens. What they may see, the app decides."""
