"""What people need to label: questions, pictures, answers, and Label Studio beside them."""
