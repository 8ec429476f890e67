"""What is written about money: bills, invoices, credit notes, closing documents, payments and refunds. Issued is issued: a mistake is mended by another document."""
