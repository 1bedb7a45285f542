CREATE TABLE airlines (id INTEGER, name TEXT, country TEXT, planes INTEGER);
INSERT INTO airlines VALUES
(1, 'Air North', 'Chile', 35),
(2, 'Northern', 'Canada', 40),
(3, 'Skyway', 'Chile', 45),
(4, 'Blue Wing', 'Norway', 40),
(5, 'Jetline', 'Japan', 35),
(6, 'Polar Air', 'Japan', 50);

CREATE TABLE flights (id INTEGER, code TEXT, airline_id INTEGER, origin TEXT, destination TEXT, price INTEGER, seats INTEGER);
INSERT INTO flights VALUES
(1, 'AN10', 5, 'Tokyo', 'Lima', 240, NULL),
(2, 'AN11', 4, 'Tokyo', 'Rome', 180, 80),
(3, 'AN12', 2, 'Oslo', 'Lima', 100, 170),
(4, 'NO20', 5, 'Oslo', 'Rome', 90, 130),
(5, 'NO21', 2, 'Tokyo', 'Quito', 180, 140),
(6, 'SK30', 4, 'Tokyo', 'Lima', 230, 120),
(7, 'SK31', 2, 'Rome', 'Oslo', 200, 80),
(8, 'SK32', 5, 'Lima', 'Tokyo', 180, 180),
(9, 'BW40', 1, 'Lima', 'Rome', 200, NULL),
(10, 'BW41', 2, 'Tokyo', 'Oslo', 170, 110),
(11, 'JL50', 3, 'Rome', 'Oslo', 100, 170),
(12, 'JL51', 3, 'Lima', 'Rome', 180, 120),
(13, 'JL52', NULL, 'Oslo', 'Rome', 170, 90),
(14, 'JL53', 2, 'Oslo', 'Rome', 100, 110),
(15, 'PA60', 2, 'Lima', 'Oslo', 90, 90);
