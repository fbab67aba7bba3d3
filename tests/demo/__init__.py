"""What an init is for, shown: a plain start script is stopped, without an init and with several."""
