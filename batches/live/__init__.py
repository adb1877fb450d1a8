"""Live updates. `follow` yields the events of a batch; `websocket` and `streams` send them to clients."""
