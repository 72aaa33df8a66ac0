"""What people and spreadsheets read: records, figures, formatted numbers, safe CSV, HTML pages."""
