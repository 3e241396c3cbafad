"""What is known of event loops: their steps, their tasks, their connections."""
