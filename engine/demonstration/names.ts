// What people are called at each of the company's places, and the addresses made of it.

export interface Locale {
  given: readonly string[];
  surnames: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const GERMAN: Locale = {
  given: words(`Anke Björn Carsten Dörte Elif Emre Fabian Gesa Götz Hannelore Henning Ilse Jörg Jürgen Katrin Klaus Lars
    Levke Lukas Malte Mareike Nele Ole Özlem Rüdiger Sabine Sönke Stefan Sven Swantje Tanja Thore Ulrike Uwe Volker Wiebke
    Yasemin Käthe Matthias Birgit`),
  surnames: words(`Ahrens Albrecht Arslan Bäcker Behrens Brandt Bröker Claußen Dierks Ehlers Feddersen Förster Fröhlich
    Gerdes Göbel Groß Hansen Harms Heß Hoffmann Jäger Janßen Jürgens Kaya Kessler Köhler Krüger Kühn Lindemann Lüders Möller
    Müller Nießen Petersen Plath Quast Reimers Schäfer Schröder Schütt Steffen Stüven Thießen Timm Voß Wagner Weiß Wulff
    Yıldız Zöllner`),
};

const POLISH: Locale = {
  given:
    words(`Agnieszka Aleksander Bartłomiej Beata Błażej Bożena Czesław Dariusz Dorota Elżbieta Filip Grażyna Grzegorz
    Halina Iwona Jacek Jarosław Joanna Kamil Kinga Krzysztof Łukasz Maciej Magdalena Małgorzata Marek Michał Mirosław Monika
    Paweł Przemysław Radosław Róża Stanisław Sylwia Wacław Wiesława Wojciech Zbigniew Żaneta`),
  surnames:
    words(`Adamczyk Banaś Baran Bąk Błaszczyk Chmiel Cieślak Duda Dudek Dziedzic Flis Gąsior Góra Grzyb Jędrzejczyk
    Kaczmarek Kołodziej Kopeć Kozioł Kruk Kubiak Kurek Łuczak Madej Marczak Mazur Michalak Nowak Olejnik Pająk Piątek Pietrzak
    Rybak Sikora Sobczak Stępień Szewczyk Szymczak Świątek Tomczyk Urbaniak Walczak Wiśniewicz Włodarczyk Woś Wróbel Zając
    Zięba Żak Żurek`),
};

const IRISH: Locale = {
  given:
    words(`Aidan Aisling Bríd Brendan Cathal Ciarán Clodagh Colm Conor Deirdre Diarmuid Eimear Eoin Fergal Fiachra Fionn
    Gráinne Róisín Liam Maeve Muireann Niall Nora Nuala Orla Pádraig Rory Ruairí Sadhbh Seán Shauna Sinéad Sorcha Tadhg Úna
    Chloe Grace Jack Luke Rebecca`),
  surnames:
    words(`Brennan Byrne Cahill Callaghan Collins Connolly D'Arcy Daly Doherty Doyle Dunne Farrell Fitzgerald Flynn
    Foley Gallagher Healy Higgins Hogan Hughes Kavanagh Keane Kennedy Lynch MacCarthy Maguire McGrath Molloy Moran Murphy Nolan
    O'Brien O'Connor O'Dea O'Donnell O'Keeffe O'Leary O'Neill O'Reilly O'Shea Power Quinn Redmond Ryan Sheehan Sweeney
    Tierney Tobin Walsh Whelan`),
};

const FRENCH: Locale = {
  given:
    words(`Adèle Alizée Amélie André Benoît Camille Cécile Chloé Clément Corinne Damien Élodie Émile Fabrice Françoise
    Frédéric Gaëlle Geneviève Gaël Hélène Hervé Jérôme Joël Karim Léa Loïc Mathéo Mélanie Mireille Noémie Océane Rachid Raphaël
    Rémi Solène Stéphane Théo Valérie Yannick Zélie`),
  surnames:
    words(`Allard Barbier Béranger Blanchard Bonnet Boucher Brunet Carré Chevalier Clément Collet Cordier D'Aubigné
    Delacroix Desprès Dubois Dufour Durand Fabre Faure Fèvre Fournier Gaillard Garnier Gauthier Girard Guérin Hébert Jacquet
    Lacroix Lambert Leclercq Lefèvre Lemaître L'Hermite Marchand Mercier Mérieux Moreau Noël Perrot Poirier Prévost Renaud
    Roussel Royer Thévenet Tréguier Vasseur Vidal`),
};

const DANISH: Locale = {
  given:
    words(`Agnete Anders Asger Bjarne Bodil Casper Dorthe Ebbe Esben Freja Gorm Grethe Håkon Helle Inger Jeppe Jørgen Karen
    Kasper Kirsten Lærke Lone Mads Magnus Mette Mikkel Morten Nanna Niels Palle Pernille Rasmus Rikke Signe Søren Thea Tobias
    Torben Trine Åse`),
  surnames:
    words(`Abildgaard Andersen Bach Bech Bjerregaard Bøgh Brøndum Carlsen Christensen Dahl Damgaard Enevoldsen Eriksen
    Friis Frøslev Gade Grønbæk Hald Hedegaard Holm Højgaard Iversen Jakobsen Jespersen Juhl Kirkegaard Kjær Kofoed Krogh Lauridsen
    Lund Mølgaard Mortensen Munk Nørgaard Nygaard Østergaard Pedersen Præstegaard Ravn Rønne Skov Smed Søndergaard Thomsen
    Thorsen Vestergaard Winther Aagaard Ågren`),
};

export interface Place {
  name: string;
  locale: Locale;
  /** What telephone numbers there begin with. */
  prefix: string;
  /** How many of a hundred work there. */
  weight: number;
}

export const PLACES: readonly Place[] = [
  { name: 'Hamburg', locale: GERMAN, prefix: '+49 40 5550', weight: 40 },
  { name: 'Kraków', locale: POLISH, prefix: '+48 12 555', weight: 24 },
  { name: 'Dublin', locale: IRISH, prefix: '+353 1 555', weight: 13 },
  { name: 'Lyon', locale: FRENCH, prefix: '+33 4 5555', weight: 12 },
  { name: 'Aarhus', locale: DANISH, prefix: '+45 55 55', weight: 11 },
];

export const MAIL_DOMAIN = 'nordlicht.example';

/** Letters that are written as two, or that Unicode does not take apart. */
const SPELLINGS: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  æ: 'ae',
  ø: 'oe',
  å: 'aa',
  ł: 'l',
  ı: 'i',
};

/** "siobhan.obrien" for Siobhán O'Brien. */
export function addressOf(givenName: string, surname: string): string {
  return [givenName, surname].map(plainLetters).join('.');
}

function plainLetters(text: string): string {
  return text
    .toLowerCase()
    .replace(/[äöüßæøåłı]/g, (letter) => SPELLINGS[letter] ?? letter)
    .normalize('NFD')
    .replace(/[^a-z-]/g, '');
}
