CREATE TABLE customers (id INTEGER, name TEXT, city TEXT, points INTEGER);
INSERT INTO customers VALUES
(1, 'Alice Brown', 'Bath', 40),
(2, 'Alice Browne', 'New London', 20),
(3, 'Bob Stone', 'Bath', 15),
(4, 'Chloe Young', 'Bath', 20),
(5, 'David King', 'London', 40),
(6, 'Emma Hill', 'London', 30),
(7, 'Frank Wood', 'Leeds', NULL);

CREATE TABLE orders (id INTEGER, product TEXT, customer_id INTEGER, amount INTEGER, price INTEGER, status TEXT);
INSERT INTO orders VALUES
(1, 'lamp', 1, 2, 50, 'sent back'),
(2, 'desk lamp', 6, 2, 70, 'sent back'),
(3, 'chair', 2, 2, 70, 'paid'),
(4, 'table', 2, 1, 70, 'paid'),
(5, 'mirror', 3, 2, 45, 'sent back'),
(6, 'clock', 5, 4, 85, 'paid'),
(7, 'shelf', 5, 1, 80, 'open'),
(8, 'bed', 1, 2, 85, 'sent back'),
(9, 'sofa', 4, 1, 20, 'sent'),
(10, 'rug', 5, 5, 40, 'sent'),
(11, 'vase', 3, 1, 85, 'open'),
(12, 'stool', 1, 5, 70, 'open'),
(13, 'bench', 5, 2, 65, 'sent'),
(14, 'fan', 4, 6, 25, 'paid'),
(15, 'lamp', NULL, 3, 45, 'open');
